"""One setting of a command and the values that a sweep may give it: ``rate=1e-4:1e-2:log`` or ``widths=[8],[8,16]``."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from advsci.config import Config, dotted, leaves
from advsci.errors import ConfigError, DataError
from advsci.files.plain import parse_toml

if TYPE_CHECKING:
    import optuna

__all__ = ["Vary"]


@dataclass(frozen=True)
class Vary:
    """A setting, and the range or the choices of its values.

    Attributes
    ----------
    name
        Dotted key of the setting.
    choices
        The values, where there is a list of them.
    low, high
        Ends of the range, where there is one: whole numbers for a range of whole numbers.
    log
        Whether the range is even in the logarithm.
    """

    name: str
    choices: tuple[Any, ...] = ()
    low: int | float = 0
    high: int | float = 0
    log: bool = False

    @classmethod
    def parse(cls, text: str, schema: type[Config]) -> "Vary":
        """Read it as a user types it.

        Parameters
        ----------
        text
            ``NAME=LOW:HIGH``, ``NAME=LOW:HIGH:log`` or ``NAME=VALUE,VALUE,...``.
        schema
            Settings of the command.

        Returns
        -------
        Vary
            The setting with its range or choices.

        Raises
        ------
        ConfigError
            The command has no such setting, or the values are no range and no list.

        Examples
        --------
        >>> from advsci.config import DeviceConfig
        >>> Vary.parse("seed=1:9", DeviceConfig)
        Vary(name='seed', choices=(), low=1, high=9, log=False)
        >>> Vary.parse("device=cpu,cuda", DeviceConfig).choices
        ('cpu', 'cuda')
        """
        name, equals, values = text.partition("=")
        name = name.strip().replace("-", "_")
        known = [dotted(key) for key, _ in leaves(schema)]
        if not (equals and values.strip()):
            raise ConfigError(
                f"vary: got {text!r}; expected NAME=LOW:HIGH, NAME=LOW:HIGH:log, or NAME=VALUE,VALUE,... "
                "Try: rate=1e-4:1e-2:log."
            )
        if name not in known:
            raise ConfigError(
                f"vary: got '{name}', no setting of the command; expected one of {', '.join(known)}. Try: --help."
            )
        number = r"[-+.\d][-+.\w]*"
        if found := re.fullmatch(rf"\s*({number}):({number})(:log)?\s*", values):
            return cls._range(name, text, *found.groups())
        return cls(name, tuple(_value(part) for part in _split(values)))

    @classmethod
    def _range(cls, name: str, text: str, low: str, high: str, log: str | None) -> "Vary":
        ends = [_value(low), _value(high)]
        if any(not isinstance(end, int | float) for end in ends) or not ends[0] < ends[1] or (log and ends[0] <= 0):
            raise ConfigError(
                f"vary: got {text!r}; expected LOW below HIGH, and above 0 for log. Try: rate=1e-4:1e-2:log."
            )
        if not all(isinstance(end, int) for end in ends):
            ends = [float(end) for end in ends]
        return cls(name, (), ends[0], ends[1], log is not None)

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values to check before any training: all choices, or both ends of the range."""
        return self.choices or (self.low, self.high)

    def suggest(self, trial: "optuna.Trial") -> Any:
        """The value that a trial gets.

        Parameters
        ----------
        trial
            The trial. Choices are stored by their number, so that they may be lists.

        Returns
        -------
        object
            A value of the setting.
        """
        if self.choices:
            return self.choices[trial.suggest_categorical(self.name, list(range(len(self.choices))))]
        if isinstance(self.low, int):
            return trial.suggest_int(self.name, self.low, int(self.high), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def value(self, stored: Any) -> Any:
        """The value of the setting for what the study stores of it.

        Parameters
        ----------
        stored
            A number of a choice, or the value itself.
        """
        return self.choices[int(stored)] if self.choices else stored


def _split(values: str) -> list[str]:
    """Parts between commas that stand in no brackets or quotes."""
    parts, depth, quoted = [""], 0, False
    for sign in values:
        quoted ^= sign == '"'
        depth += (sign in "[{") - (sign in "]}")
        if sign == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _value(text: str) -> Any:
    """A TOML value; plain words are strings."""
    text = text.strip()
    try:
        return parse_toml(f"value = {text}", "vary")["value"]
    except DataError:
        return text
