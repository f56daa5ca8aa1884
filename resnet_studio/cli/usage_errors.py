"""Messages for invalid command lines: what is wrong, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any

import typer

from resnet_studio.cli.terminal import PROGRAM

GIVEN = "COMMANDLINE"
"""What the parser calls the source of a value that is neither a default nor from the environment."""


def explain(error: typer.TyperException) -> str:
    """One or two sentences for an error of the parser, by the name of its class."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else PROGRAM
    command = path.removeprefix(PROGRAM).strip() or PROGRAM
    help_hint = f"See `{path} --help`" if context else "See --help"
    match type(error).__name__:
        case "NoArgsIsHelpError":
            return f"{command} needs a command: {' or '.join(_command_names(context))}. {help_hint}"
        case "NoSuchOption":
            near = _did_you_mean(getattr(error, "possibilities", None))
            return f"{command} has no option {_option(error)}{near or '.'} {help_hint}"
        case "MissingParameter":
            return f"{command} needs {_describe_parameter(getattr(error, 'param', None))}. {help_hint}"
        case "BadOptionUsage" if "not take" in error.format_message():
            return f"{_option(error)} takes no value. {help_hint}"
        case "BadOptionUsage":
            return f"{_option(error)} needs a value. {help_hint}"
        case "BadParameter":
            return f"{_parameter_name(getattr(error, 'param', None))} {_explain_value(error)}"
    return f"{_explain_other(error, command, context)} {help_hint}"


def reject_options(context: typer.Context, names: Collection[str], reason: str) -> None:
    """`ValueError` if one of these parameters of the command was given; it names them after the reason."""
    given = [
        _parameter_name(parameter)
        for parameter in context.command.params
        if parameter.name in names and getattr(context.get_parameter_source(parameter.name), "name", "") == GIVEN
    ]
    if given:
        raise ValueError(f"{reason}. Remove {', '.join(sorted(given))}")


def _explain_other(error: typer.TyperException, command: str, context: Any) -> str:
    """For errors that can only be told apart by the parser's message."""
    message = error.format_message()
    if found := re.match(r"No such command '(.*?)'\.", message, re.DOTALL):
        name, known = found[1], _command_names(context)
        near = get_close_matches(name, known, 2)
        return f"{command} has no command {name!r}{_did_you_mean(near) or f'. Available: {_join(known)}.'}"
    if found := re.match(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)$", message, re.DOTALL):
        return f"{command}: unexpected argument {found[1]!r}."
    return f"{command}: command line not understood ({message.rstrip('.')})."


def _explain_value(error: typer.TyperException) -> str:
    """What is wrong with a value, from the validation error that the parser attaches."""
    errors = getattr(error.__cause__, "errors", None)
    first: dict[str, Any] = errors()[0] if errors else {}
    bounds, given = first.get("ctx", {}), first.get("input")
    match first.get("type"):
        case "int_parsing" | "int_from_float" | "int_type" | "int_parsing_size":
            return f"must be an integer, got {given!r}"
        case "float_parsing" | "float_type":
            return f"must be a number, got {given!r}"
        case "greater_than_equal":
            return f"must be at least {bounds['ge']:,}, got {given}"
        case "less_than_equal":
            return f"must be at most {bounds['le']:,}, got {given}"
        case "value_error" if choices := re.search(r"is not one of (.*)\.$", str(bounds.get("error", ""))):
            return f"must be one of {choices[1].replace(chr(39), '')}, got {given!r}"
    return f"can't be {given!r}"


def _describe_parameter(parameter: Any) -> str:
    """An option or argument with its help text."""
    about = (getattr(parameter, "help", None) or "").partition(". ")[0].rstrip(".")
    metavar = getattr(parameter, "metavar", None)
    name = _parameter_name(parameter)
    usage = f"{name} {metavar}" if metavar and metavar != name else name
    return f"{usage} ({about[:1].lower()}{about[1:]})" if about else usage


def _parameter_name(parameter: Any) -> str:
    names: Sequence[str] = getattr(parameter, "opts", None) or ("a value",)
    longest = max(names, key=len)
    return longest if longest.startswith("-") else getattr(parameter, "metavar", None) or longest.upper()


def _option(error: typer.TyperException) -> str:
    return str(getattr(error, "option_name", ""))


def _did_you_mean(near: Sequence[str] | None) -> str:
    """Suggest similar names; empty if there are none."""
    return f": did you mean {' or '.join(sorted(near))}?" if near else ""


def _command_names(context: Any) -> list[str]:
    return sorted(getattr(context.command, "commands", {})) if context else []


def _join(names: Sequence[str]) -> str:
    return ", ".join(names)
