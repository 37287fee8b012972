"""Presets: the parameters of a sequential test, three of them named and fixed, any other custom."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from types import MappingProxyType

from pot_reverify.errors import Rejection

CUSTOM = "custom"
ALPHA_MAX = Fraction(1, 4)
HIGHEST_MEAN = Fraction(65535, 32768)
"""The highest score. A margin above it would be kept by any two models, and δ above it by none."""
CHALLENGES_MAX = 10_000
ATTEMPTS_MAX = 64
DENOMINATOR_MAX = 10**6
"""Keeps every product of the rule within 128 bits, for readers in other languages."""

_RATIONALS = ("alpha", "gamma", "eta", "delta", "epsilon")
_COUNTS = ("n_min", "n_max")
_FIELDS = frozenset(("name", *_RATIONALS, *_COUNTS))


@dataclass(frozen=True, slots=True)
class Preset:
    """The parameters of rule ``eb/1``; margins in units of the score, a squared Hellinger distance.

    Attributes:
        name: ``quick``, ``audit``, ``extended`` or ``custom``.
        alpha: two-sided error level of the first attempt; at most 1/4.
        gamma: SAME certifies a mean divergence of at most gamma; below (1 - epsilon) * delta, so
            that no mean can be certified as SAME and as DIFFERENT.
        eta: SAME needs a half-width of at most eta * gamma; at most 1.
        delta: DIFFERENT needs an observed mean of at least delta; at most the highest score.
        epsilon: DIFFERENT needs a half-width of at most epsilon times the observed mean, and
            certifies a mean divergence of at least (1 - epsilon) * delta; below 1.
        n_min: the first challenge after which the run may stop; at least 1.
        n_max: the challenge after which it stops in any case; n_min to 10,000.

    Raises:
        Rejection: ``preset.out-of-range``. Denominators are at most 10^6.
    """

    name: str
    alpha: Fraction
    gamma: Fraction
    eta: Fraction
    delta: Fraction
    epsilon: Fraction
    n_min: int
    n_max: int

    def __post_init__(self) -> None:
        certified = (1 - self.epsilon) * self.delta
        for name in _RATIONALS:
            denominator = getattr(self, name).denominator
            self._require(denominator <= DENOMINATOR_MAX, name, "a smaller denominator")
        self._require(0 < self.alpha <= ALPHA_MAX, "alpha", f"in (0, {ALPHA_MAX}]")
        self._require(0 < self.eta <= 1, "eta", "in (0, 1]")
        self._require(0 < self.epsilon < 1, "epsilon", "in (0, 1)")
        self._require(0 < self.delta <= HIGHEST_MEAN, "delta", f"in (0, {HIGHEST_MEAN}]")
        self._require(0 < self.gamma < certified, "gamma", f"in (0, {certified})")
        self._require(1 <= self.n_max <= CHALLENGES_MAX, "n_max", f"1 to {CHALLENGES_MAX}")
        self._require(1 <= self.n_min <= self.n_max, "n_min", f"1 to {self.n_max}")

    def _require(self, holds: bool, name: str, expected: str) -> None:  # noqa: FBT001
        if not holds:
            raise Rejection(
                "preset.out-of-range",
                "a parameter lies outside its range",
                where=f"preset.{name}",
                expected=expected,
                got=getattr(self, name),
            )

    @property
    def is_named(self) -> bool:
        """Whether this is quick, audit or extended, by name and by every value."""
        return self == PRESETS.get(self.name)

    def effective_alpha(self, attempt: int) -> Fraction:
        """Error level of one attempt: alpha / 2^(attempt - 1), attempts numbered from 1.

        Over any number of attempts at one claim the levels add up to less than 2 * alpha.

        Raises:
            Rejection: ``decision.attempt-out-of-range`` unless 1 <= attempt <= 64.
        """
        if not 1 <= attempt <= ATTEMPTS_MAX:
            raise Rejection(
                "decision.attempt-out-of-range",
                "attempts are numbered from 1",
                expected=f"1 to {ATTEMPTS_MAX}",
                got=attempt,
            )
        return self.alpha / (1 << attempt - 1)

    def to_document(self) -> dict[str, str | int | list[int]]:
        """The preset as a document: rationals as [numerator, denominator] in lowest terms."""
        return {
            "name": self.name,
            **{name: list(getattr(self, name).as_integer_ratio()) for name in _RATIONALS},
            **{name: getattr(self, name) for name in _COUNTS},
        }


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                name="quick",
                alpha=Fraction(25, 1000),
                gamma=Fraction(15, 100),
                eta=Fraction(50, 100),
                delta=Fraction(8, 10),
                epsilon=Fraction(15, 100),
                n_min=10,
                n_max=120,
            ),
            Preset(
                name="audit",
                alpha=Fraction(1, 100),
                gamma=Fraction(10, 100),
                eta=Fraction(50, 100),
                delta=Fraction(1),
                epsilon=Fraction(10, 100),
                n_min=30,
                n_max=400,
            ),
            Preset(
                name="extended",
                alpha=Fraction(1, 1000),
                gamma=Fraction(8, 100),
                eta=Fraction(40, 100),
                delta=Fraction(11, 10),
                epsilon=Fraction(8, 100),
                n_min=50,
                n_max=800,
            ),
        )
    }
)


def parse_preset(document: Mapping[str, object]) -> Preset:
    """Read a preset from a decoded document.

    Raises:
        Rejection: ``preset.fields`` if a field is missing or unknown, ``preset.not-a-rational``,
            ``preset.not-an-integer``, ``preset.out-of-range``, ``preset.unknown-name``, and
            ``preset.not-the-named-one`` if a named preset's values differ from its table.
    """
    if document.keys() != _FIELDS:
        raise Rejection(
            "preset.fields",
            "a preset has exactly the fields of the format",
            where="preset",
            expected=sorted(_FIELDS),
            got=sorted(map(str, document)),
        )
    name = document["name"]
    if not isinstance(name, str) or name not in (*PRESETS, CUSTOM):
        raise Rejection(
            "preset.unknown-name",
            "no preset has this name",
            where="preset.name",
            expected=", ".join((*PRESETS, CUSTOM)),
            got=repr(name),
        )
    preset = Preset(
        name=name,
        alpha=_parse_rational("alpha", document["alpha"]),
        gamma=_parse_rational("gamma", document["gamma"]),
        eta=_parse_rational("eta", document["eta"]),
        delta=_parse_rational("delta", document["delta"]),
        epsilon=_parse_rational("epsilon", document["epsilon"]),
        n_min=_parse_count("n_min", document["n_min"]),
        n_max=_parse_count("n_max", document["n_max"]),
    )
    named = PRESETS.get(name, preset)
    if preset != named:
        raise Rejection(
            "preset.not-the-named-one",
            f"the values are not those of the preset {name}; other values are called {CUSTOM}",
            where="preset",
            expected=named.to_document(),
            got=preset.to_document(),
        )
    return preset


def _parse_rational(field: str, value: object) -> Fraction:
    match value:
        case [numerator, denominator] if (
            type(numerator) is type(denominator) is int
            and denominator > 0
            and gcd(numerator, denominator) == 1
        ):
            return Fraction(numerator, denominator)
    raise Rejection(
        "preset.not-a-rational",
        "a rational is two integers [numerator, denominator] in lowest terms",
        where=f"preset.{field}",
        got=repr(value),
    )


def _parse_count(field: str, value: object) -> int:
    if type(value) is not int:
        raise Rejection(
            "preset.not-an-integer",
            "a number of challenges is an integer",
            where=f"preset.{field}",
            got=repr(value),
        )
    return value
