"""`completion`: a script for the shell, made from the parser, because argparse has none."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "completion",
        help="print a script that completes commands in the shell",
        epilog="""examples:
  knogin completion bash > ~/.local/share/bash-completion/completions/knogin
  echo 'source <(knogin completion zsh)' >> ~/.zshrc
  knogin completion fish > ~/.config/fish/completions/knogin.fish""",
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=completion_command)


def completion_command(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    known = dict(words(parser))
    print(_fish(known) if arguments.shell == "fish" else _bash(known, zsh=arguments.shell == "zsh"))
    return 0


def words(parser: argparse.ArgumentParser, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """For each command such as ` deliveries list` the words that may follow."""
    options: list[str] = []
    nested: list[tuple[str, argparse.ArgumentParser]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            nested += action.choices.items()
        elif action.help is not argparse.SUPPRESS:
            options += [option for option in action.option_strings if option.startswith("--")]
            options += [str(choice) for choice in action.choices or []] if not action.option_strings else []
    yield path, [name for name, _ in nested] + options
    for name, one in nested:
        yield from words(one, f"{path} {name}")


def _bash(known: dict[str, list[str]], *, zsh: bool) -> str:
    cases = "\n".join(f'    "{path}") known="{" ".join(following)}" ;;' for path, following in known.items() if path)
    first = "autoload -U +X bashcompinit && bashcompinit\n" if zsh else ""
    return f"""{first}_knogin() {{
  local path="" known="{" ".join(known[""])}" word index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="${{COMP_WORDS[index]}}"
    [[ "$word" == -* ]] && continue
    case "$path $word" in
{cases}
    *) continue ;;
    esac
    path="$path $word"
  done
  COMPREPLY=($(compgen -W "$known" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _knogin knogin"""


def _fish(known: dict[str, list[str]]) -> str:
    lines = ["complete -c knogin -f"]
    for path, following in known.items():
        names = path.split()
        seen = "; and ".join(f"__fish_seen_subcommand_from {name}" for name in names) or "__fish_use_subcommand"
        lines.append(f"complete -c knogin -n '{seen}' -a '{' '.join(following)}'")
    return "\n".join(lines)
