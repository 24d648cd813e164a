# Completion of pulih in bash. What may come is asked of the program itself: pulih help --complete -- WORD...
# shellcheck shell=bash

_pulih()
{
	local last=${COMP_WORDS[COMP_CWORD]} glue='' word line candidate current prefix
	local -a words=()

	# bash breaks "--tier=content" into three words, "latest:/etc" too: as the program will see them, they are one.
	for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
		if [[ -n $word && -z ${word//[=:]/} ]]; then
			((${#words[@]})) || words=("")
			words[-1]+=$word
			glue=1
		elif [[ $glue && $word ]]; then
			words[-1]+=$word
			glue=
		else
			words+=("$word")
			glue=
		fi
	done
	current=${words[-1]}
	# What is put into the line stands for the part behind the last break only.
	[[ -z ${last//[=:]/} ]] && last=
	prefix=${current%"$last"}

	COMPREPLY=()
	while IFS= read -r line; do
		candidate=${line%%$'\t'*}
		case $candidate in
		@files) compopt -o default ;;
		@folders) compopt -o plusdirs ;;
		@commands) mapfile -t COMPREPLY < <(compgen -c -- "$last") ;;
		"$current"*) COMPREPLY+=("${candidate#"$prefix"}") ;;
		esac
	done < <("${COMP_WORDS[0]}" help --complete -- "${words[@]}" 2>/dev/null)
}
complete -F _pulih pulih
