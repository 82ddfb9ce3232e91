"""What the best set of a sweep is worth once it is known from how many it was picked: every judge, and a plain verdict.

All of it looks at returns from cut to cut (`huracan.sim.cuts`: days, mostly), and at a sample of sets where they are
very many. Sharpe ratios in what it says are yearly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huracan.sim.folds import scores
from huracan.sim.honesty import (
    Moments,
    deflated_sharpe,
    expected_maximum,
    min_backtest_length,
    moments_of,
    probabilistic_sharpe,
)
from huracan.sim.overfitting import Overfitting, overfitting
from huracan.sim.plateau import plateau
from huracan.sim.reality_check import Luck, reality_check
from huracan.sim.trial_groups import effective_trials, spread_out

Floats = npt.NDArray[np.float64]
SHOWN = 200  # points of a chart
KEYS = (
    "trials",
    "trials_before",
    "effective_trials",
    "best_sharpe",
    "best_sharpe_by_luck",
    "probabilistic_sharpe",
    "deflated_sharpe",
    "deflated_sharpe_effective",
    "pbo",
    "min_backtest_length",
    "years",
    "reality_check_p",
    "spa_p",
    "stability",
    "shape",
    "neighbours",
    "span",
    "spans",
    "judged_on",
    "luck_range",
    "in_and_out",
)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Returns (cuts, sets) of the sets that luck is judged on, `step_ns` from cut to cut.

    `best` is the place among them of the set that was picked; `sample` how many of the first columns are the sample
    that stands for all sets (the picked one may stand after them). `before` counts earlier trials of the same strategy
    on the same data, None if nobody kept count.
    """

    returns: Floats
    best: int
    sample: int
    step_ns: int
    before: int | None = None
    seed: int = 0

    @property
    def a_year(self) -> float:
        return 365.0 * 86_400e9 / self.step_ns


def judge(
    evidence: Evidence | None,
    trials: int,
    params: Mapping[str, npt.NDArray[Any]],
    values: npt.NDArray[Any],
    best_row: int | None,
    validation: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The honesty block of a sweep; what can't be known is None, and the verdict says so.

    >>> judge(None, 2, {}, np.array([np.nan, np.nan]), None)["verdict"]
    'No set has the figure that they are ranked by, so there is nothing to judge.'
    """
    found: dict[str, Any] = dict.fromkeys(KEYS)
    found["trials"] = trials
    found["trials_before"] = None if evidence is None else evidence.before
    if best_row is None:
        return found | {"verdict": "No set has the figure that they are ranked by, so there is nothing to judge."}
    flat = plateau(params, np.asarray(values, np.float64), best_row)
    if flat is not None:
        found |= {"stability": flat.kept, "shape": flat.word, "neighbours": flat.neighbours}
    if evidence is not None and evidence.returns.size:
        found |= by_returns(evidence, trials)
    return found | {"verdict": verdict(found, validation)}


def by_returns(e: Evidence, trials: int) -> dict[str, Any]:
    """Everything that returns tell."""
    from huracan.sim.cuts import YEAR_NS

    sample = e.returns[:, : e.sample]
    counted = trials + (e.before or 0)
    year = math.sqrt(e.a_year)
    one = scores(e.returns, [[(0, len(e.returns))]])[0]
    top = float(one[e.best])
    known = one[: e.sample][np.isfinite(one[: e.sample])]
    variance = float(np.var(known, ddof=1)) if known.size > 1 else 0.0
    if e.before:  # nobody knows how far those trials lay apart: chance alone makes it so far
        variance = max(variance, 1.0 / max(len(e.returns) - 1, 1))
    years = len(e.returns) * e.step_ns / YEAR_NS
    found: dict[str, Any] = {
        "effective_trials": effective_trials(sample, trials),
        "best_sharpe_by_luck": math.sqrt(variance) * expected_maximum(counted) * year,
        "years": years,
        "span": e.step_ns / 86_400e9,
        "spans": len(e.returns),
        "judged_on": e.sample,
    }
    shape = moments_of(e.returns[:, e.best])
    if math.isfinite(top):
        found["best_sharpe"] = top * year
        found["min_backtest_length"] = min_backtest_length(counted, top * year)
        found |= skill(top, len(e.returns), shape, counted, variance, trials, found["effective_trials"])
    cscv = overfitting(sample) if trials > 1 else None
    if cscv is not None:
        found["pbo"] = cscv.pbo
        found["in_and_out"] = in_and_out(cscv, year)
    luck = reality_check(e.returns, seed=e.seed)
    if luck is not None:
        found |= {"reality_check_p": luck.white_p, "spa_p": luck.spa_p, "luck_range": luck_range(luck, year)}
    return found


def skill(
    top: float, samples: int, shape: Moments | None, counted: int, variance: float, trials: int, effective: float | None
) -> dict[str, float | None]:
    """Probabilistic and deflated Sharpe: by every trial as one of its own, and by the trials that really differ."""
    if shape is None:
        return {}
    found = {
        "probabilistic_sharpe": probabilistic_sharpe(top, samples, shape),
        "deflated_sharpe": deflated_sharpe(top, samples, shape, counted, variance),
    }
    if effective is not None:
        differing = max(round(effective * counted / trials), 1)
        found["deflated_sharpe_effective"] = deflated_sharpe(top, samples, shape, differing, variance)
    return found


def in_and_out(cscv: Overfitting, year: float) -> list[list[float]]:
    """Yearly Sharpe ratios of the best in sample, there and out of sample, of some of the choices."""
    some = spread_out(len(cscv.in_sample), SHOWN)
    return [[round(float(x * year), 4) for x in each[some]] for each in (cscv.in_sample, cscv.out_sample)]


def luck_range(luck: Luck, year: float) -> list[float]:
    """The yearly Sharpe ratio of the best set if none had an edge: what 5, 50 and 95 of 100 histories stay below."""
    return [float(x * year) for x in np.quantile(luck.best, [0.05, 0.5, 0.95])]


GOOD = {"deflated_sharpe": 0.95, "pbo": 0.2, "spa_p": 0.05}


def verdict(found: Mapping[str, Any], validation: Mapping[str, Any] | None) -> str:
    """The honesty block in plain words."""
    top = found["best_sharpe"]
    if top is None:
        return "Not judged: the returns of the best set are not known, or never moved."
    if found["trials"] + (found["trials_before"] or 0) < 2:
        return f"One set, Sharpe {top:.2f}: nothing was picked. {beyond(validation)}".strip()
    return " ".join(each for each in (summary(found), *reasons(found), beyond(validation)) if each)


def summary(found: Mapping[str, Any]) -> str:
    """One of three words, and what it rests on."""
    top, luck = found["best_sharpe"], found["best_sharpe_by_luck"]
    before = found["trials_before"]
    more = f"{before:,} more {'were' if before > 1 else 'was'} tried on this data before" if before else ""
    best = f"The best of {found['trials']:,} sets" if found["trials"] > 1 else "This set"
    base = (
        f"{best}{more and f' ({more})'} has a Sharpe of {top:.2f}; as many sets without an edge would show {luck:.2f}."
    )
    p, pbo = found["spa_p"] or 0.0, found["pbo"] or 0.0
    if top <= luck or p > 0.5 or (pbo > 0.5 and p > GOOD["spa_p"]):
        return f"Luck explains it. {base}"
    if pbo > 0.5:
        return f"Doubtful. {base} The sets may share an edge, but which of them came out best is luck."
    held = [found[key] is not None and (found[key] - limit) * sign >= 0.0 for key, limit, sign in _limits()]
    if all(held) and found["shape"] != "peak" and found["years"] >= (found["min_backtest_length"] or 0.0):
        return f"More than luck explains it, so far. {base}"
    return f"Doubtful. {base}"


def _limits() -> list[tuple[str, float, float]]:
    return [(key, limit, 1.0 if key == "deflated_sharpe" else -1.0) for key, limit in GOOD.items()]


def reasons(found: Mapping[str, Any]) -> list[str]:
    """A sentence for each judge that speaks against the best, or that could not speak."""
    said = []
    deflated, pbo, p = found["deflated_sharpe"], found["pbo"], found["spa_p"]
    if deflated is not None and deflated < GOOD["deflated_sharpe"]:
        said.append(f"After the luck of so many trials the probability of skill is {deflated:.0%}.")
    if pbo is not None and pbo > GOOD["pbo"]:
        said.append(f"Chosen on half of the time, the best falls below the median on the other in {pbo:.0%} of cases.")
    if p is not None and p > GOOD["spa_p"]:
        said.append(f"Without any edge, luck shows as much in {p:.0%} of histories.")
    need = found["min_backtest_length"]
    if need is not None and found["years"] < need:
        said.append(f"{found['years']:.2g} years are too few for so many trials: it would take {need:.2g}.")
    if found["shape"] == "peak":
        said.append(f"It is a peak: its neighbours keep {max(found['stability'], 0.0):.0%} of its lead.")
    missing = [
        words
        for key, words in (
            ("deflated_sharpe", "the deflated Sharpe ratio"),
            ("pbo", "the probability of overfitting"),
            ("spa_p", "the reality check"),
        )
        if found[key] is None
    ]
    if missing:
        said.append(f"Not known: {', '.join(missing)}; the run is too short, or the sets are too few or all the same.")
    return said


def beyond(validation: Mapping[str, Any] | None) -> str:
    """What was seen out of sample."""
    if validation is None:
        return "Nothing was held out of sample ([sweep.validate] does)."
    words = []
    inside, outside = validation.get("in_sample_sharpe"), validation.get("out_of_sample_sharpe")
    if inside is not None and outside is not None:
        words.append(f"Chosen step by step, Sharpe {inside:.2f} in sample became {outside:.2f} out of it.")
    held = validation.get("holdout") or {}
    if held.get("in_sample_sharpe") is not None and held.get("out_of_sample_sharpe") is not None:
        words.append(
            f"On the held-out end the best has {held['out_of_sample_sharpe']:.2f}, "
            f"after {held['in_sample_sharpe']:.2f} before it."
        )
    return " ".join(words) or "Out of sample no chosen set traded."
