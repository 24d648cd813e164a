"""Makes docs/messages.md of what `pulih help messages --json` prints: `make messages`."""
import json
import sys

SECTIONS = {10: "The system", 11: "Keys and passphrases", 12: "Repository and target", 13: "Sources", 14: "Backup", 15: "Restore", 16: "Verification",
            17: "Configuration", 18: "Command line", 19: "Records and reports", 20: "Schedule and notifications",
            21: "Other machines over SSH"}
HEAD = """# Messages

Every message of `pulih` has a number that never changes. `pulih help PL-1002` prints the same as this page. The exit code is that of a command
which ends with this message; a warning changes no exit code. What each exit code asks of you: [English](manual/en.md#exit-codes),
[Indonesia](manual/id.md#kode-keluar).

Made by `make messages` of `core/base/messages.def`: do not edit.
"""


def page(lines):
    """The text of the page; `lines` are JSON objects as texts."""
    parts, section = [HEAD], None
    for message in sorted(map(json.loads, lines), key=lambda message: message["code"]):
        number = int(message["code"].removeprefix("PL-")) // 100
        if number != section:
            section = number
            parts.append(f"\n## {SECTIONS[section]}\n\n| | cause | remedy | exit code |\n|---|---|---|---|\n")
        cells = [message["code"], message["cause"], message["remedy"], str(message["exit_code"])]
        parts.append("| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page(sys.stdin))
