# A catalogue that `msgcat --no-wrap` wrote, as rows WORD(KEY, "text") for C: escapes are the same in both. What is not translated, marked
# fuzzy, or of several lines ends the build.
function fault(text) {
	print "po: " key ": " text > "/dev/stderr"
	exit 1
}
/^#,.*fuzzy/ { key = "fuzzy"; fault("a text that nobody has checked") }
/^msgid "/ { key = substr($0, 8, length($0) - 8) }
/^msgstr "/ && key != "" {
	if (key !~ /^[A-Z][A-Z0-9_]*$/) fault("a key is made of capital letters")
	if ($0 == "msgstr \"\"") fault("not translated, or a text of several lines")
	print "WORD(" key ", " substr($0, 8) ")"
}
