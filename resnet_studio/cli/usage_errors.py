"""What to say of a command line that can't be understood: what is wrong with it, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import typer

from resnet_studio.cli.terminal import PROGRAM


def explanation(error: typer.TyperException) -> str:
    """One sentence or two for an error of the parser, which names its kinds by its classes."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else PROGRAM
    command = path.removeprefix(PROGRAM).strip() or PROGRAM
    look = f"`{path} --help` says what it takes" if context else "--help says what it takes"
    match type(error).__name__:
        case "NoArgsIsHelpError":
            return f"{command} needs a command behind it: {' or '.join(_commands(context))}. {look}"
        case "NoSuchOption":
            near = _meant(getattr(error, "possibilities", None))
            return f"{command} has no option {_option(error)}{near or '.'} {look}"
        case "MissingParameter":
            return f"{command} needs {_described(getattr(error, 'param', None))}. {look}"
        case "BadOptionUsage" if "not take" in error.format_message():
            return f"{_option(error)} takes no value: write it alone. {look}"
        case "BadOptionUsage":
            return f"{_option(error)} needs a value behind it. {look}"
        case "BadParameter":
            return f"{_named(getattr(error, 'param', None))} {_wrong_value(error)}"
    return f"{_other(error, command, context)} {look}"


def _other(error: typer.TyperException, command: str, context: Any) -> str:
    """What the parser tells by its words alone."""
    said = error.format_message()
    if found := re.match(r"No such command '(.*?)'\.", said, re.DOTALL):
        name, there = found[1], _commands(context)
        near = get_close_matches(name, there, 2)
        return f"{command} has no command {name!r}{_meant(near) or f': there is {_listed(there)}.'}"
    if found := re.match(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)$", said, re.DOTALL):
        return f"{command} can do nothing with {found[1]!r}: leave it out."
    return f"{command} was not understood ({said.rstrip('.')})."


def _wrong_value(error: typer.TyperException) -> str:
    """What is wrong with a value, from what the parser has noted of its check."""
    errors = getattr(error.__cause__, "errors", None)
    first: dict[str, Any] = errors()[0] if errors else {}
    bounds, given = first.get("ctx", {}), first.get("input")
    match first.get("type"):
        case "int_parsing" | "int_from_float" | "int_type" | "int_parsing_size":
            return f"takes a whole number, not {given!r}"
        case "float_parsing" | "float_type":
            return f"takes a number, not {given!r}"
        case "greater_than_equal":
            return f"takes a number of at least {bounds['ge']:,}, not {given}"
        case "less_than_equal":
            return f"takes a number of at most {bounds['le']:,}, not {given}"
        case "value_error" if choices := re.search(r"is not one of (.*)\.$", str(bounds.get("error", ""))):
            return f"takes one of {choices[1].replace(chr(39), '')}, not {given!r}"
    return f"can't be {given!r}"


def _described(parameter: Any) -> str:
    """An option or argument with what its help says of it."""
    about = (getattr(parameter, "help", None) or "").partition(". ")[0].rstrip(".")
    metavar = getattr(parameter, "metavar", None)
    name = _named(parameter)
    named = f"{name} {metavar}" if metavar and metavar != name else name
    return f"{named} ({about[:1].lower()}{about[1:]})" if about else named


def _named(parameter: Any) -> str:
    names: Sequence[str] = getattr(parameter, "opts", None) or ("a value",)
    longest = max(names, key=len)
    return longest if longest.startswith("-") else getattr(parameter, "metavar", None) or longest.upper()


def _option(error: typer.TyperException) -> str:
    return str(getattr(error, "option_name", ""))


def _meant(near: Sequence[str] | None) -> str:
    """ "" where there is nothing like it."""
    return f": did you mean {' or '.join(sorted(near))}?" if near else ""


def _commands(context: Any) -> list[str]:
    return sorted(getattr(context.command, "commands", {})) if context else []


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
