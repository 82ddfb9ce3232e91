"""Every function against mpmath in units in the last place, against plain Python bit by bit, and at the edges."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numba
import numpy as np
import numpy.typing as npt
import pytest
from mpmath import libmp

from huracan.sim import portable_math, quarter_turns

Floats = npt.NDArray[np.float64]

NAMES = ("exp", "log", "log1p", "pow", "tanh", "sin", "cos")
INF = math.inf
NAN = math.nan
PRECISION = 90
LIMIT = 0.9  # the promise is 1; the worst seen in 180 million is 0.84, so more than this is a loss of care


def evaluate(x: Floats, y: Floats | None = None) -> Floats:
    """All seven functions, compiled, one row each; y is the exponent of pow."""
    out = np.empty((len(NAMES), x.size))
    portable_math.evaluate_all(x, np.ones_like(x) if y is None else y, out)
    return out


# --- what is asked


def any_doubles(rng: np.random.Generator, n: int) -> Floats:
    """Finite doubles with every bit pattern as likely: all exponents, subnormals too."""
    x = rng.integers(0, 2**64, n + n // 100, dtype=np.uint64).view(np.float64)
    return x[np.isfinite(x)][:n]


def log_uniform(rng: np.random.Generator, n: int, low: float, high: float) -> Floats:
    return np.exp2(rng.uniform(low, high, n)) * rng.choice([-1.0, 1.0], n)


def around(centres: Any, reach: int = 4) -> Floats:
    """The centres and their neighbours among the doubles."""
    bits = np.asarray(centres, dtype=np.float64).view(np.int64)
    x = (bits[:, None] + np.arange(-reach, reach + 1)).ravel().view(np.float64)
    return x[np.isfinite(x)]


def near_quarter_turns() -> Floats:
    """For every exponent the doubles that come closest to multiples of pi / 2, by the continued fraction of 2 / pi."""
    with mpmath.workprec(1400):
        two_over_pi = int(mpmath.floor(mpmath.ldexp(2 / mpmath.pi, 1300)))
    found = []
    for exponent in range(-40, 972):
        a, b = two_over_pi << max(exponent, 0), 1 << (1300 + max(-exponent, 0))
        a, b = b, a % b
        old, new = 0, 1  # denominators of the convergents
        while True:
            whole, rest = divmod(a, b)
            if whole * new + old >= 2**53:
                break
            a, b = b, rest
            old, new = new, whole * new + old
        found += [math.ldexp(float(old), exponent), math.ldexp(float(new), exponent)]
    return np.array(found)


def arguments(name: str, rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """About n arguments of a function, half of them where it is hard, and exponents for pow."""
    quarter = n // 4
    powers = around(np.exp2(np.arange(-1074.0, 1024.0, 11.0)), 1)
    halves = np.arange(-2150, 2050) * (math.log(2.0) / 2.0)
    hard: list[Any]
    if name == "exp":
        ends = [709.782712893384, -708.3964185322641, -744.4400719213812, -745.1332191019411, 2.0**-54, -(2.0**-54)]
        hard = [around(ends, 50), around(halves, 1), rng.uniform(-746, 710, 2 * quarter), powers, -powers]
    elif name == "log":
        cuts = np.ldexp(math.sqrt(0.5), np.arange(-1073, 1024))
        hard = [1.0 + log_uniform(rng, quarter, -53, -1), around(cuts, 1), np.exp2(rng.uniform(-3, 3, quarter)), powers]
        hard += [rng.integers(1, 2**52, quarter).view(np.float64), around([1.0], 200), [1.411395785423847]]
    elif name == "log1p":
        cuts = [math.sqrt(0.5) - 1.0, math.sqrt(2.0) - 1.0, 1.0, 2.0**53, 2.0**54, 2.0**-53, -(2.0**-53), -1.0]
        hard = [-1.0 + np.exp2(rng.uniform(-53, 0, quarter)), rng.uniform(-0.5, 3, quarter), powers, -powers]
        hard += [log_uniform(rng, quarter, -60, 2), around(cuts, 100)]
    elif name == "pow":
        with np.errstate(all="ignore"):
            base = np.abs(np.concatenate([any_doubles(rng, quarter), 1.0 + log_uniform(rng, quarter, -53, -1)]))
            base = np.concatenate([base, rng.integers(1, 2**52, quarter // 8).view(np.float64), around([1.0], 30)])
            exponent = rng.uniform(-760, 730, base.size) / np.log(base)
        base2 = np.exp2(rng.uniform(-20, 20, n - base.size))
        return np.concatenate([base, base2]), np.concatenate([exponent, log_uniform(rng, base2.size, -30, 6)])
    elif name == "tanh":
        cuts = [2.0**-28, 19.0615, 22.0, math.log(2.0) / 4.0, 0.35392720435454975]
        hard = [rng.uniform(-1, 1, quarter), rng.uniform(-23, 23, quarter), log_uniform(rng, quarter, -30, 5)]
        hard += [around(halves[(halves > 0) & (halves < 46)] / 2.0), around(cuts, 50), powers]
    else:
        turns = np.concatenate([np.arange(-2000, 2000), rng.integers(-(2**21), 2**21, quarter)]) * (math.pi / 2.0)
        eighths = np.arange(-999, 999, 2) * (math.pi / 4.0)
        hard = [turns, around(eighths, 1), near_quarter_turns(), around([2.0**20, 2.0**-28], 100), powers]
        hard += [log_uniform(rng, quarter, 0, 60), rng.uniform(-10, 10, quarter), [6381956970095103.0 * 2.0**797]]
    x = np.concatenate([np.asarray(part, dtype=np.float64) for part in hard])
    if name == "log":
        x = np.abs(x)
    return np.concatenate([x, any_doubles(rng, max(n - x.size, quarter))]), np.empty(0)


# --- what is right


def exact(name: str, x: Any, y: Any) -> Any:
    """The function's value to some 90 bits, as mpmath's raw number."""
    if name == "log":
        return libmp.mpf_log(x, PRECISION)
    if name == "log1p":
        if x[2] + x[3] < -40:  # the sum 1 + x would need a thousand digits
            square = libmp.mpf_mul(x, x)
            cube = libmp.mpf_div(libmp.mpf_mul(square, x), libmp.from_int(3), PRECISION)
            return libmp.mpf_add(libmp.mpf_sub(x, libmp.mpf_shift(square, -1)), cube, PRECISION)
        return libmp.mpf_log(libmp.mpf_add(libmp.fone, x), PRECISION)
    if name == "pow":
        return libmp.mpf_exp(libmp.mpf_mul(y, libmp.mpf_log(x, PRECISION + 30)), PRECISION)
    known: dict[str, Callable[..., Any]] = {
        "exp": libmp.mpf_exp, "tanh": libmp.mpf_tanh, "sin": libmp.mpf_sin, "cos": libmp.mpf_cos
    }  # fmt: skip
    return known[name](x, PRECISION)


def error_in_ulps(got: float, right: Any) -> float:
    """|got - right| in units of the last place of the double that is nearest to `right`."""
    _, _, exponent, bits = right
    exponent += bits
    if exponent > 1024 or (math.isinf(got) and exponent == 1024):
        # beyond the largest double: that or infinity is within 1 ulp only up to 2**1024
        fine = math.isinf(got) or (exponent == 1025 and got == sys.float_info.max)
        return 0.0 if fine else INF
    if not math.isfinite(got):
        return INF
    step = max(exponent - 53, -1074)
    return abs(float(libmp.to_float(libmp.mpf_shift(libmp.mpf_sub(libmp.from_float(got), right), -step))))


@pytest.mark.parametrize("name", NAMES)
def test_within_an_ulp_of_the_true_value(name: str) -> None:
    rng = np.random.default_rng(20_240_229)
    x, y = arguments(name, rng, 60_000)
    with np.errstate(invalid="ignore"):
        inside = {"log": x > 0.0, "log1p": x > -1.0, "exp": np.abs(x) < 760.0, "tanh": np.abs(x) < 1e6}.get(name)
    if inside is not None:
        x = x[inside]
    out = evaluate(x, y if name == "pow" else None)[NAMES.index(name)]
    worst, at = 0.0, ""
    for i in range(x.size):
        if x[i] == 0.0:
            continue
        right = exact(name, libmp.from_float(float(x[i])), libmp.from_float(float(y[i])) if name == "pow" else None)
        error = error_in_ulps(float(out[i]), right)
        if not error <= worst:
            worst, at = error, f"{name}({x[i]!r}{f', {y[i]!r}' if name == 'pow' else ''}) = {out[i]!r}"
    assert x.size > 45_000
    assert 0.5 < worst < LIMIT, at


def test_digits_of_two_over_pi() -> None:
    digits = [int(d) for d in quarter_turns.TWO_OVER_PI_LIMBS]
    number = sum(d << (28 * (len(digits) - 1 - i)) for i, d in enumerate(digits))
    with mpmath.workprec(1400):
        assert number == int(mpmath.floor(mpmath.ldexp(2 / mpmath.pi, 28 * (len(digits) - 3))))
    # the largest exponent, 971 = 34 * 28 + 19, reads nine digits from place 36 on
    assert len(digits) == 36 + 9


def test_whole_powers_that_fit_are_exact() -> None:
    pairs = [(a, b) for a in range(2, 1000) for b in range(1, 54) if a**b < 2**53] + [(10, 22)]
    x, y = np.array(pairs, dtype=np.float64).T.copy()
    assert x.size > 2000
    got = evaluate(x, y)[3]
    assert [int(v) for v in got] == [a**b for a, b in pairs]
    assert np.array_equal(evaluate(-x, y)[3], np.where(y % 2.0 == 1.0, -got, got))


# --- the edges

MOST = sys.float_info.max
LEAST = 5e-324
EDGES: dict[str, list[tuple[float, float]]] = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (710.0, INF), (MOST, INF), (-MOST, 0.0)]
    + [
        (709.782712893384, 1.7976931348622732e308),
        (-745.1332191019411, LEAST),
        (-745.1332191019412, 0.0),
        (LEAST, 1.0),
    ],
    "log": [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (NAN, NAN), (-LEAST, NAN), (-1.0, NAN)]
    + [(LEAST, -744.4400719213812), (MOST, 709.782712893384), (2.0, 0.6931471805599453)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (INF, INF), (-INF, NAN), (NAN, NAN), (-1.0000000000000002, NAN)]
    + [(LEAST, LEAST), (-LEAST, -LEAST), (MOST, 709.782712893384), (1e-300, 1e-300)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (LEAST, LEAST), (-LEAST, -LEAST)]
    + [(MOST, 1.0), (-20.0, -1.0), (1e-300, 1e-300)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (LEAST, LEAST), (-LEAST, -LEAST)]
    + [(math.pi, 1.2246467991473532e-16), (MOST, 0.004961954789184062)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (LEAST, 1.0)]
    + [(math.pi / 2.0, 6.123233995736766e-17), (MOST, -0.9999876894265599)],
}


def same_bits(got: Any, want: Any) -> npt.NDArray[np.bool_]:
    """Bit for bit: -0 is not 0, and a NaN is the NaN of math.nan."""
    equal = np.asarray(got, dtype=np.float64).view(np.int64) == np.asarray(want, dtype=np.float64).view(np.int64)
    return np.asarray(equal)


@pytest.mark.parametrize("name", sorted(EDGES))
def test_edges(name: str) -> None:
    x, want = np.array(EDGES[name]).T.copy()
    got = evaluate(x)[NAMES.index(name)]
    assert same_bits(got, want).all(), list(zip(x, got, want, strict=True))


def c99_pow(x: float, y: float) -> float:
    """Annex F of C99 for the arguments whose results are 0, 1, infinite or NaN; Python raises on some of them."""
    odd = math.isfinite(y) and math.fmod(abs(y), 2.0) == 1.0
    sign = -1.0 if odd and math.copysign(1.0, x) < 0.0 else 1.0
    if y == 0.0 or x == 1.0:
        return 1.0
    if math.isnan(x) or math.isnan(y):
        return NAN
    if math.isinf(y):
        return 1.0 if abs(x) == 1.0 else (INF if (abs(x) > 1.0) == (y > 0.0) else 0.0)
    if x == 0.0 or math.isinf(x):
        return sign * (INF if (x == 0.0) == (y < 0.0) else 0.0)
    if x < 0.0 and y % 1.0 != 0.0:
        return NAN
    try:
        return sign * abs(x) ** y
    except OverflowError:
        return sign * INF


def test_edges_of_pow() -> None:
    values = [0.0, 1.0, 2.0, 0.5, 3.0, 1.5, INF, LEAST, MOST, 2.0**52 + 1.0, 2.0**53 - 1.0, 2.0**53, 2.0**53 + 2.0]
    values += [2.0**52 - 0.5, 2.0**70, 2.0**80, math.nextafter(1.0, 2.0), math.nextafter(1.0, 0.0), NAN]
    values += [-v for v in values]
    x = np.repeat(values, len(values))
    y = np.tile(values, len(values))
    want = np.array([c99_pow(float(a), float(b)) for a, b in zip(x, y, strict=True)])
    got = evaluate(x, y)[3]
    ordinary = np.isfinite(want) & (want != 0.0) & (np.abs(want) != 1.0)  # where libm need not be right to the bit
    bad = ~np.where(ordinary, np.isclose(got, want, rtol=1e-15, atol=0.0), same_bits(got, want))
    assert not bad.any(), list(zip(x[bad], y[bad], got[bad], want[bad], strict=True))


def test_odd_functions_are_odd_and_cos_is_even() -> None:
    x, _ = portable_math.self_test_inputs()
    x = x[~np.isnan(x)]
    there, back = evaluate(x), evaluate(-x)
    for name, sign in (("tanh", -1.0), ("sin", -1.0), ("cos", 1.0)):
        row = NAMES.index(name)
        fine = same_bits(there[row], sign * back[row]) | np.isnan(there[row])
        assert fine.all(), (name, x[~fine][:5])


# --- the same bits everywhere

PLAIN = """
import sys
import numpy as np
from numba import config
from huracan.sim import portable_math
assert config.DISABLE_JIT
x, y = np.load(sys.argv[1])
out = np.array([
    [f(a) for a in x.tolist()] if f is not portable_math.pow else [f(a, b) for a, b in zip(x.tolist(), y.tolist())]
    for f in (getattr(portable_math, name) for name in sys.argv[3:])
])
assert all(type(f(x[0])) is float for f in (portable_math.exp, portable_math.log, portable_math.sin))
np.save(sys.argv[2], out)
print(portable_math.self_test_hash())
"""


def test_compiled_and_plain_python_agree_to_the_bit(tmp_path: Path) -> None:
    """Warnings are errors there: plain Python must neither raise nor warn, whatever it is given."""
    rng = np.random.default_rng(7)
    special = np.array(
        [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, LEAST, -LEAST, MOST, -MOST, 2.0**53, 709.9, -745.2, 0.5, 3.0]
    )
    x = [np.repeat(special, special.size), near_quarter_turns(), any_doubles(rng, 1000)]
    y = [np.tile(special, special.size), rng.normal(size=x[1].size), rng.normal(size=1000)]
    for name in NAMES:
        some, exponents = arguments(name, rng, 4000)
        keep = rng.permutation(some.size)[:1500]
        x.append(some[keep])
        y.append(exponents[keep] if name == "pow" else rng.normal(size=1500))
    given = np.array([np.concatenate(x), np.concatenate(y)])
    np.save(tmp_path / "given.npy", given)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLAIN, str(tmp_path / "given.npy"), str(tmp_path / "out.npy"), *NAMES],
        env=dict(os.environ, NUMBA_DISABLE_JIT="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    plain, compiled = np.load(tmp_path / "out.npy"), evaluate(given[0], given[1])
    differ = ~same_bits(plain, compiled)
    where = [(NAMES[r], given[0, i], given[1, i], plain[r, i], compiled[r, i]) for r, i in np.argwhere(differ)[:5]]
    assert not differ.any(), where
    assert run.stdout.strip() == portable_math.EXPECTED_HASH


def test_hash_is_the_committed_one() -> None:
    assert portable_math.self_test_hash() == portable_math.EXPECTED_HASH


def test_one_at_a_time_equals_many_at_once() -> None:
    """LLVM does several elements of a loop at once, and the rest of them singly."""
    x, y = portable_math.self_test_inputs()
    x, y = x[::9].copy(), y[::9].copy()
    single = np.hstack([evaluate(x[i : i + 1], y[i : i + 1]) for i in range(x.size)])
    assert same_bits(single, evaluate(x, y)).all()


FUSED = re.compile(r"\bvfn?m(?:add|sub)\w*|\bfn?m(?:add|sub|la|ls)\b|\bfmadd\w*", re.IGNORECASE)
LOOSE = re.compile(r"\b(?:fast|contract|reassoc|arcp|afn)\b|@llvm\.(?:fma|fmuladd)\S*")
LIBM = re.compile(r"@(?:llvm\.)?(exp|exp2|log|log1p|log2|pow|powi|tanh|sin|cos|frexp|ldexp)\b")


def kernels(dispatcher: Any) -> tuple[str, str]:
    """LLVM's intermediate code and the machine code of everything compiled for a function."""
    return "\n".join(dispatcher.inspect_llvm().values()), "\n".join(dispatcher.inspect_asm().values())


def test_nothing_is_fused_or_left_to_libm() -> None:
    evaluate(np.ones(3))
    quarter_turns._quarter_turns_far(1e22)
    for dispatcher in (portable_math.evaluate_all, quarter_turns._quarter_turns_far):
        ir, machine = kernels(dispatcher)
        assert len(ir) > 1000
        assert "fmul" in ir
        assert not FUSED.search(machine)
        assert not LOOSE.search(ir)
        assert not LIBM.search(ir)


def test_the_search_finds_what_it_looks_for() -> None:
    """The check above would be empty if the patterns matched nothing."""
    loose = numba.njit(fastmath=True)(lambda a, b: a * b + math.exp(a))
    loose(1.0, 2.0)
    ir, machine = kernels(loose)
    assert LOOSE.search(ir)
    assert LIBM.search(ir)
    assert FUSED.search(machine) or not re.search(r"(?m)^flags\b.*\bfma\b", cpu_flags())


def cpu_flags() -> str:
    info = Path("/proc/cpuinfo")
    return info.read_text("utf-8") if info.is_file() else ""
