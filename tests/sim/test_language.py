"""The strategy language: every construct outside it is refused by name, at its line, with a way out; the rest runs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import huracan
from huracan.code import find_code, import_file
from huracan.sim.declare import Declaration
from huracan.sim.language import check_language
from huracan.sim.refusal import Refused
from huracan.spec import load_spec
from tests.conftest import ROOT

TOP = """\
import datetime
import math
import random
import numba
import numpy as np
import huracan
from huracan import bracket, buy, close, gate, inline, limit, param, pending, portable_math
from huracan import sma, spread_z, strategy

PRICES = [1.0, 2.0]
WEIGHTS = (0.5, 0.25)
MIXED = (1, 2.5)
NAME = "eth"
LOOK = 3
TABLE = np.array([1.0, 2.0, 3.0])


@inline
def double(x, by=2.0):
    return x * by


@inline
def first_close(ctx):
    return ctx.bars[0].close


@inline
def places(ctx):
    ctx.pos.qty = 1.0


@inline
def deep(ctx):
    places(ctx)


@inline
def forever(n):
    return forever(n - 1)


@inline
def sometimes(x):
    if x > 0.0:
        return 1.0


@inline
def says_nothing(ctx):
    ctx.u.n += 1


def plain(x):
    return x


@numba.njit(fastmath=True)
def fast(x):
    return x + 1.0


@numba.njit
def slow(x):
    return x + 1.0


"""
STRATEGY = """\
@strategy(
    params=dict(n=param(3), x=param(1.5), mode=param("mean", choices=["mean", "median"])),
    features=dict(fast=sma(5), slow=sma("n"), gap=spread_z(20, 1.0)),
    state=dict(n=0, y=0.0, last=[0.0] * 4),
)
def step(ctx):
"""
GATE = """\
@gate(params=dict(most=param(0.1)), state=dict(n=0), reasons=("too wide", "too late"))
def step(ctx, want):
"""

# name, body (the line that is at fault ends in `# here`, unless it stands in a helper), what is said, the way out
REFUSED = [
    ("a power beyond 64 bits", "x = 10 ** 30", "`10 ** 30` does not fit into 64 bits", "begin with a float"),
    ("a power beyond all bits", "x = 7 ** 999999999", "does not fit into 64 bits", "begin with a float"),
    ("a shift beyond 64 bits", "x = 1 << 63", "`1 << 63` does not fit into 64 bits", "begin with a float"),
    ("a sum beyond 64 bits", "x = 9223372036854775807 + 1", "does not fit into 64 bits", "begin with a float"),
    ("while", "while ctx.u.n < 3:  # here\n    ctx.u.n += 1", "`while` is not", "for k in range(most)"),
    ("import", "import os  # here", "import inside", "top of the file"),
    ("import from", "from math import sqrt  # here", "import inside", "top of the file"),
    ("try", "try:  # here\n    pass\nexcept Exception:\n    pass", "`try`", "test before"),
    ("raise", "raise ValueError(1)  # here", "`raise`", "return"),
    ("assert", "assert ctx.u.n > 0  # here", "`assert`", "if"),
    ("with", "with open('x'):  # here\n    pass", "`with`", "before the run"),
    ("yield", "yield 1  # here", "`yield`", "ctx.u"),
    ("lambda", "f = lambda x: x  # here", "`lambda`", "@inline"),
    ("nested def", "def f(x):  # here\n    return x", "a function inside", "top of the file"),
    ("class", "class A:  # here\n    pass", "a class", "state="),
    ("global", "global LOOK  # here", "`global`", "state="),
    ("del", "x = 1\ndel x  # here", "`del`", "leave the name"),
    ("match", "match ctx.u.n:  # here\n    case 1:\n        pass", "`match`", "elif"),
    ("list", "x = [1.0, 2.0]  # here", "a list", "state="),
    ("dict", "x = {1: 2}  # here", "a dict", "state="),
    ("set", "x = {1, 2}  # here", "a set", "state="),
    ("comprehension", "x = [k for k in range(3)]  # here", "comprehension", "loop"),
    ("generator", "x = max(k for k in range(3))  # here", "a generator", "loop"),
    ("f-string", "x = f'{ctx.u.n}'  # here", "a text", "--python"),
    ("text", "x = 'long'  # here", "the text 'long'", "only numbers"),
    ("text of the file", "if NAME == 1:  # here\n    pass", "`NAME` is a text", "choices"),
    ("walrus", "if (x := ctx.u.n) > 1:  # here\n    pass", "`:=`", "line of its own"),
    ("slice", "x = ctx.u.last[1:3]  # here", "a slice", "one element"),
    ("slice written", "ctx.u.last[:] = 0.0  # here", "a slice", "one element"),
    ("none", "x = None  # here", "`None`", "nan"),
    ("is none", "if ctx.u.n is None:  # here\n    pass", "`is`", "math.isnan(ctx.u.n)"),
    ("star", "x = max(*WEIGHTS)  # here", "`*`", "one by one"),
    ("print", "print(ctx.bar.close)  # here", "`print`", "--python"),
    ("sum", "x = sum(ctx.u.last)  # here", "`sum`", "for k in range"),
    ("pow", "x = pow(ctx.u.y, 2.0)  # here", "`pow`", "portable_math.pow"),
    ("square", "x = ctx.bar.close ** 2  # here", "last bits", "ctx.bar.close * ctx.bar.close"),
    ("root", "x = ctx.bar.close ** 0.5  # here", "last bits", "math.sqrt(ctx.bar.close)"),
    ("power", "x = ctx.bar.close ** ctx.p.x  # here", "last bits", "portable_math.pow(ctx.bar.close, ctx.p.x)"),
    ("square in place", "ctx.u.y **= 2  # here", "last bits", "ctx.u.y * ctx.u.y"),
    ("math.exp", "x = math.exp(ctx.u.y)  # here", "differs from machine", "portable_math.exp"),
    ("math.pow", "x = math.pow(ctx.u.y, 2.0)  # here", "`math.pow`", "portable_math.pow"),
    ("math.log10", "x = math.log10(ctx.u.y)  # here", "`math.log10`", "portable_math.log(x) /"),
    ("math.erf", "x = math.erf(ctx.u.y)  # here", "`math.erf`", "portable_math"),
    ("math.sqr", "x = math.sqr(ctx.u.y)  # here", "there is no `math.sqr`", "'sqrt'"),
    ("np.log", "x = np.log(ctx.u.y)  # here", "`numpy.log` differs", "portable_math.log"),
    ("np.mean", "x = np.mean(ctx.u.last)  # here", "`numpy.mean`", "sma"),
    ("np.zeros", "x = np.zeros(3)  # here", "`numpy.zeros`", "state="),
    ("np.random", "x = np.random.rand()  # here", "`numpy.random`", "uniform("),
    ("random", "x = random.random()  # here", "`random.random`", "uniform("),
    ("datetime", "x = datetime.datetime.now()  # here", "datetime", "ts_ns"),
    ("array method", "x = ctx.u.last.sum()  # here", "no `sum`", "loop"),
    ("divide by 0", "x = ctx.u.y / 0.0  # here", "is 0, and divides", "not 0"),
    ("NaN compared", "if ctx.u.y == math.nan:  # here\n    pass", "never changes", "math.isnan(ctx.u.y)"),
    ("round to decimals", "x = round(ctx.bar.close, 2)  # here", "to decimals", "tick"),
    ("max of one", "x = max(ctx.u.last)  # here", "two numbers or more", "max(a, b)"),
    ("len of a number", "x = len(ctx.u.y)  # here", "only arrays", "len(ctx.bars)"),
    ("range of a fraction", "for k in range(ctx.p.x):  # here\n    pass", "not a whole number", "int(ctx.p.x)"),
    ("range elsewhere", "x = range(3)  # here", "only in a `for`", "for k in range"),
    ("loop over a number", "for k in ctx.u.n:  # here\n    pass", "goes over a range", "range(n)"),
    ("mixed tuple", "for x in MIXED:  # here\n    pass", "different sorts", "1.0"),
    ("mutable of the file", "x = PRICES[0]  # here", "`PRICES` is a list", "state or params"),
    ("write account", "ctx.acct.cash = 1e9  # here", "`ctx.acct.cash` can't be written", "state="),
    ("write position", "ctx.pos.qty = 0.0  # here", "can't be written", "close"),
    ("write bar", "ctx.bars[0].close = 1.0  # here", "can't be written", "state="),
    ("write feature", "ctx.f.fast = 1.0  # here", "can't be written", "state="),
    ("write parameter", "ctx.p.n += 1  # here", "can't be written", "local name"),
    ("write order", "ctx.orders[0].qty = 1.0  # here", "can't be written", "modify"),
    ("write by another name", "p = ctx.pos\np.qty = 1.0  # here", "can't be written", "close"),
    ("write in a loop", "for b in ctx.bars:\n    b.close = 1.0  # here", "can't be written", "state="),
    ("write ctx", "ctx.total = 1.0  # here", "can't be written", "ctx.u"),
    ("write a table", "TABLE[0] = 1.0  # here", "can't be written", "ctx.u"),
    ("fraction into whole", "ctx.u.n = ctx.bar.close  # here", "lose its decimals", "n=0.0"),
    ("halve a whole", "ctx.u.n /= 2  # here", "lose its decimals", "n=0.0"),
    ("fraction late", "x = 0\nfor k in range(3):\n    ctx.u.n = x  # here\n    x = x / 2", "lose its decimals", "int("),
    ("write whole array", "ctx.u.last = 0.0  # here", "is an array", "ctx.u.last[k]"),
    ("feature unknown", "x = ctx.f.slwo  # here", "no `ctx.f.slwo`", "'slow'"),
    ("feature far", "x = ctx.f.volatility  # here", "no `ctx.f.volatility`", "features=dict(volatility="),
    ("feature of the whole", "x = ctx.f.gap  # here", "no `ctx.f.gap`", "ctx.wide.gap"),
    ("parameter unknown", "x = ctx.p.windw  # here", "no `ctx.p.windw`", "params=dict("),
    ("state unknown", "ctx.u.count += 1  # here", "no `ctx.u.count`", "state=dict(count="),
    ("ctx unknown", "x = ctx.barz  # here", "no `ctx.barz`", "'bar'"),
    ("ctx field of a record", "x = ctx.cash  # here", "no `ctx.cash`", "ctx.acct.cash"),
    ("book", "x = ctx.book  # here", "no `ctx.book`", "bars"),
    ("bar unknown", "x = ctx.bar.clos  # here", "no `ctx.bar.clos`", "'close'"),
    ("history", "x = ctx.bar.close[-1]  # here", "not an array", "lag("),
    ("record as a number", "if ctx.pos:  # here\n    pass", "a record", "qty"),
    ("array as a number", "x = ctx.u.last + 1.0  # here", "an array", "ctx.u.last[k]"),
    ("index out of range", "x = ctx.u.last[4]  # here", "out of range", "ctx.u.last[3]"),
    ("index far below", "x = ctx.u.last[-5]  # here", "out of range", "ctx.u.last[3]"),
    ("index out of a tuple", "x = WEIGHTS[LOOK]  # here", "out of range", "WEIGHTS[1]"),
    ("index a fraction", "x = ctx.u.last[ctx.u.y]  # here", "not a whole number", "int(ctx.u.y)"),
    ("second instrument", "x = ctx.bars[1].close  # here", "may not exist", "instruments=2"),
    ("choice as text", "if ctx.p.mode == 'median':  # here\n    pass", "number of a choice", "1"),
    ("choice unknown", "if ctx.p.mode == 'mode':  # here\n    pass", "not one of the choices", "0 is 'mean'"),
    ("name unknown", "x = clsoe  # here", "no name `clsoe`", "'close'"),
    ("name without import", "x = target(ctx, 1.0)  # here", "no name `target`", "from huracan import target"),
    ("no value on a path", "if ctx.u.n > 1:\n    x = 1.0\nctx.u.y = x  # here", "`x` has no value", "before the `if`"),
    ("no value after a loop", "for k in range(ctx.p.n):\n    x = 1.0\nctx.u.y = x  # here", "`x` has no value", "loop"),
    ("two kinds", "x = ctx.bar\nif ctx.u.n > 1:\n    x = 1.0\nctx.u.y = x  # here", "on one path", "its own name"),
    ("unpack", "a, b = (1.0, 2.0, 3.0)  # here", "does not give 2", "as many names"),
    ("too many arguments", "buy(ctx, 1.0, 0, 4)  # here", "takes 3 arguments, not 4", "buy(ctx, qty, inst=-1)"),
    ("too few arguments", "limit(ctx, 1)  # here", "lacks qty, price", "limit(ctx, side"),
    ("unknown keyword", "buy(ctx, 1.0, instr=0)  # here", "no argument 'instr'", "'inst'"),
    ("argument twice", "buy(ctx, 1.0, qty=2.0)  # here", "twice", "buy(ctx"),
    ("ctx forgotten", "buy(1.0, 0)  # here", "takes ctx first", "buy(ctx"),
    ("side as text", "limit(ctx, 'buy', 1.0, 2.0)  # here", "not the text 'buy'", "side is 1"),
    ("side of 2", "limit(ctx, 2, 1.0, 2.0)  # here", "side of limit is 2", "-1"),
    ("record as quantity", "buy(ctx, ctx.pos)  # here", "qty of buy is a record", "qty"),
    ("quantity below zero", "buy(ctx, -1.0)  # here", "qty of buy is -1.0", "sell"),
    ("hold a fraction", "bracket(ctx, 1, 1.0, max_hold=ctx.p.x)  # here", "max_hold of bracket", "int(ctx.p.x)"),
    ("function not called", "close  # here", "does nothing", "close(...)"),
    ("feature called", "x = sma(20)  # here", "declared, not called", "ctx.f.x"),
    ("plain function", "x = plain(1.0)  # here", "plain Python function", "@inline"),
    ("fastmath", "x = fast(1.0)  # here", "fastmath", "@inline"),
    ("njit", "x = slow(1.0)  # here", "by numba itself", "@inline"),
    ("recursion", "x = forever(3)", "calls itself", "loop"),
    ("helper writes", "places(ctx)", "can't be written", "close"),
    ("helper of a helper", "deep(ctx)", "can't be written", "close"),
    ("helper sometimes", "x = sometimes(1.0)", "nothing on others", "every path"),
    ("nothing used", "x = says_nothing(ctx)  # here", "gives nothing back", "return"),
    ("step returns a record", "return ctx.bar  # here", "returns a record", "`return`"),
    ("annotation only", "x: float  # here", "gives no value", "= 0.0"),
    ("huge number", "x = 99999999999999999999  # here", "64 bits", "float"),
    ("method of huracan", "x = huracan.by(ctx, 1.0)  # here", "no `huracan.by`", "'buy'"),
    ("bits of a fraction", "x = ctx.u.y & 1  # here", "not whole", "and"),
    ("in an array", "if 1.0 in ctx.u.last:  # here\n    pass", "a tuple only", "loop"),
]

REFUSED_GATES = [
    ("falls off the end", "if want.qty > 1.0:  # here\n    return 1", "without a `return`", "return 0"),
    ("returns nothing", "return  # here", "returns nothing", "return 0"),
    ("returns a fraction", "return 0.5  # here", "not whole", "return 0"),
    ("no such reason", "return 3  # here", "has 2 reason(s)", "return 0"),
    ("trades", "buy(ctx, 1.0)  # here\nreturn 0", "places no orders", "return 0"),
    ("writes the want", "want.qty = 1.0  # here\nreturn 0", "can't be written", "modify"),
    (
        "second instrument",
        "return 1 if ctx.bars[1].close > 1.0 else 0  # here",
        "may not exist",
        "range(len(ctx.bars))",
    ),
]


def load(folder: Path, text: str, name: str = "mine") -> ModuleType:
    """Import a strategy file."""
    path = folder / f"{name}.py"
    path.write_text(text)
    return import_file(path)


def function(folder: Path, head: str, body: str) -> tuple[object, str]:
    """A step or a check with this body, and the text of its file."""
    text = TOP + head + "".join(f"    {line}\n" for line in body.splitlines())
    return load(folder, text).step, text


def refusal(fn: object) -> Refused:
    """What the check says of a function."""
    with pytest.raises(Refused) as caught:
        check_language(fn)  # type: ignore[arg-type]
    assert caught.value.fix, "a refusal without a way out"
    return caught.value


def assert_refused(folder: Path, head: str, body: str, what: str, fix: str) -> None:
    fn, text = function(folder, head, body)
    said = refusal(fn)
    assert what in said.what
    assert fix in said.fix
    marked = [f"mine.py:{i}" for i, line in enumerate(text.splitlines(), 1) if line.endswith("# here")]
    if marked:
        assert [said.where] == marked
    else:
        assert re.fullmatch(r"mine\.py:\d+", said.where)


@pytest.mark.parametrize(("body", "what", "fix"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_is_refused_with_line_and_way_out(tmp_path: Path, body: str, what: str, fix: str) -> None:
    assert_refused(tmp_path, STRATEGY, body, what, fix)


@pytest.mark.parametrize(("body", "what", "fix"), [c[1:] for c in REFUSED_GATES], ids=[c[0] for c in REFUSED_GATES])
def test_a_gate_is_refused(tmp_path: Path, body: str, what: str, fix: str) -> None:
    assert_refused(tmp_path, GATE, body, what, fix)


def test_a_refusal_in_a_helper_names_its_line(tmp_path: Path) -> None:
    fn, text = function(tmp_path, STRATEGY, "deep(ctx)")
    line = text.splitlines().index("    ctx.pos.qty = 1.0") + 1
    assert refusal(fn).where == f"mine.py:{line}"


FILES = [
    (
        "closure",
        "def make(n):\n    @strategy()\n    def step(ctx):\n        ctx.acct.cash > n\n    return step\nstep = make(3)",
        "takes n from",
    ),
    ("lambda", "step = strategy()(lambda ctx: None)", "a lambda"),
    ("no ctx", "@strategy()\ndef step():\n    pass", "takes ctx"),
    ("optional ctx", "@strategy()\ndef step(ctx=1):\n    pass", "takes ctx"),
    ("any arguments", "@strategy()\ndef step(*ctx):\n    pass", "takes ctx"),
    ("a class", "@strategy()\nclass step:\n    pass", "not a function"),
    ("gate without want", '@gate(reasons=("a",))\ndef step(ctx):\n    return 0', "takes ctx and want"),
    ("compiled twice", "@strategy()\n@inline\ndef step(ctx):\n    pass", "compiled already"),
    ("not declared", "def step(ctx):\n    pass", "neither a strategy nor a gate"),
    ("bare parameter", "@strategy(params=dict(n=3))\ndef step(ctx):\n    pass", "is declared as 3"),
    ("bare feature", "@strategy(features=dict(n=3))\ndef step(ctx):\n    pass", "is declared as 3"),
    (
        "own module",
        "import os.path as lib\n@strategy()\ndef step(ctx):\n    lib.join(1)",
        "not in the strategy language",
    ),
]


DECORATIONS = [
    ("@strategy", "@strategy takes names"),
    ("@strategy(needs='trades')", "needs 'trades' is not known"),
    ("@strategy(clock='step_ms')", "clock 'step_ms' is no parameter"),
    ("@strategy(instruments=-1)", "instruments is -1"),
    ("@strategy(instruments=True)", "instruments is True"),
    ("@strategy(params=dict(n=param(5, 9, 1)))", "the range from 9 to 1 holds nothing"),
]


@pytest.mark.parametrize(("line", "what"), DECORATIONS, ids=[line for line, _ in DECORATIONS])
def test_a_decorator_says_what_it_can_not_be(tmp_path: Path, line: str, what: str) -> None:
    with pytest.raises(Refused, match=re.escape(what)) as caught:
        load(tmp_path, f"from huracan import param, strategy\n{line}\ndef step(ctx):\n    pass\n")
    assert caught.value.fix


def test_a_parameter_is_a_number_of_64_bits() -> None:
    assert huracan.param(1).value(2**63 - 1, "here") == 2**63 - 1
    for many in (2**63, -(2**63) - 1, 10**30):
        with pytest.raises(Refused, match="does not fit into 64 bits"):
            huracan.param(1).value(many, "here")


@pytest.mark.parametrize(("text", "what"), [c[1:] for c in FILES], ids=[c[0] for c in FILES])
def test_a_file_is_refused(tmp_path: Path, text: str, what: str) -> None:
    step = load(tmp_path, f"from huracan import gate, inline, param, strategy\n{text}\n").step
    assert what in refusal(step).what


def test_a_module_of_ones_own_is_not_reached_through_its_name(tmp_path: Path) -> None:
    (tmp_path / "helpers_of_mine.py").write_text("LOOK = 3\n")
    text = "import helpers_of_mine\nfrom huracan import strategy\n"
    text += "@strategy()\ndef step(ctx):\n    x = helpers_of_mine.LOOK\n"
    said = refusal(load(tmp_path, text).step)
    assert "an edit there would not be noticed" in said.what
    assert said.fix == "from helpers_of_mine import LOOK"
    sys.modules.pop("helpers_of_mine", None)


def test_a_notebook_cell_is_refused_by_name() -> None:
    names: dict[str, object] = {}
    exec(
        compile("from huracan import strategy\n@strategy()\ndef cell(ctx):\n    pass\n", "<ipython-input-1>", "exec"),
        names,
    )
    assert "'cell' stands in no file" in refusal(names["cell"]).what


ALLOWED = """\
{top}
@inline
def pair(a, b):
    return a + 1.0, b * 2.0


@inline
def widest(ctx):
    best = 0
    for k in range(len(ctx.bars)):
        if ctx.bars[k].high - ctx.bars[k].low > ctx.bars[best].high - ctx.bars[best].low:
            best = k
    return ctx.bars[best]


@strategy(
    params=dict(n=param(3), x=param(1.5), on=param(True), mode=param("b", choices=["a", "b"])),
    features=dict(mean=sma(5)),
    state=dict(n=0, y=0.0, last=[0.0] * 4, seen=[0] * 2),
)
def everything(ctx):
    "What the language has, in one step."
    u = ctx.u
    last = u.last
    for k in range(len(last) - 1, 0, -1):
        last[k] = last[k - 1]
    last[0] = ctx.bar.close
    total = 0
    for x in last:
        total += x
    for k, b in enumerate(ctx.bars):
        total += b.close * k
    for p, b in zip(ctx.positions, ctx.bars):
        if p.qty != 0.0:
            continue
        total -= b.open
    for side in (1, -1):
        total += side * WEIGHTS[u.n % 2] + TABLE[u.n % 3]
    for k in range(2):
        found = k
        if k == ctx.p.n:
            break
    else:
        found = -1
    a, b = pair(total, double(ctx.bar.low, by=1.5))
    a, b = b, a
    price: float = ctx.bar.close
    up = 0.0 < a < 1e9 and not (b <= 0.0 or math.isnan(b)) or u.n in (1, 2)
    rest = price % 3.0 + price // 7.0 - (-u.n) + abs(-u.n ** 2) + 2 ** 10 + (u.n & 3 | 4)
    rest += math.sqrt(price) + math.floor(price) + math.ceil(price) + math.fabs(-price) + math.copysign(1.0, -price)
    rest += np.sqrt(price) + np.floor(price) + np.abs(price) + np.float64(u.n) + int(price) + round(price) + bool(price)
    rest += min(price, 1.0, u.n) + max(1, u.n) + portable_math.exp(-price / 100.0) + portable_math.log(price)
    rest += widest(ctx).high if ctx.p.mode == 1 and ctx.p.on else first_close(ctx)
    if math.isfinite(rest) and up:
        u.y += rest * ctx.p.x + found
    elif np.isnan(ctx.f.mean) or ctx.f1.mean != ctx.f1.mean:
        u.y = 0.0
    else:
        u.y = -1.0
    u.n += 1
    u.seen[-1] = u.n
    if pending(ctx) == 0:
        target(ctx, math.floor(abs(u.y)) % 5 - 2)
        return
"""


def spec_of(path: Path) -> dict[str, object]:
    return {"data": {"synthetic": "regimes", "bars": 300, "timeframe": "1m"}, "strategy": {"use": f"{path}:everything"}}


def test_what_is_allowed_compiles_and_is_the_same_in_plain_python(tmp_path: Path) -> None:
    path = tmp_path / "all_of_it.py"
    path.write_text(ALLOWED.replace("{top}", TOP.replace("strategy\n", "strategy, target\n", 1)))
    check_language(import_file(path).everything)
    compiled = huracan.backtest(spec_of(path)).fills
    assert len(compiled) > 50
    script = f"import huracan; fills = huracan.backtest({spec_of(path)!r}, python=True).fills\n"
    script += f"fills.to_parquet({str(tmp_path / 'f')!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    import pandas as pd

    plain = pd.read_parquet(tmp_path / "f")
    pd.testing.assert_frame_equal(compiled.reset_index(drop=True), plain.reset_index(drop=True), check_exact=True)


def test_shipped_strategies_and_gates_pass() -> None:
    paths = sorted((ROOT / "strategies").glob("*.py"))
    checked = 0
    for path in paths:
        fn = getattr(import_file(path), path.stem, None)
        if isinstance(getattr(fn, "__huracan__", None), Declaration):
            check_language(fn)
            checked += 1
    assert checked >= 4


def test_every_way_out_of_the_tables_is_told() -> None:
    from huracan.sim import language_words as words

    assert all(what and fix for what, fix in words.REFUSED.values())
    assert all({**words.BUILTINS, **words.MODULES, **words.MATH_WAYS_OUT}.values())


def test_it_is_fast() -> None:
    from huracan.strategies.sma_cross import sma_cross

    check_language(sma_cross)
    start = time.perf_counter()
    for _ in range(20):
        check_language(sma_cross)
    assert (time.perf_counter() - start) / 20 < 0.2  # 1 ms on a quiet machine, 20 ms is the budget


def test_what_was_sound_is_checked_again_when_a_constant_changes(tmp_path: Path) -> None:
    path = tmp_path / "above.py"
    path.write_text(
        "from huracan import buy, strategy\n\nLIMIT = 3.0\n\n\n@strategy()\ndef above(ctx):\n"
        "    if ctx.bar.close > LIMIT:\n        buy(ctx, 1.0)\n"
    )
    spec = load_spec({"data": {"synthetic": "regimes", "bars": 9}, "strategy": {"use": f"{path}:above"}})
    names = find_code(spec).step.__globals__
    find_code(spec)
    names["LIMIT"] = [3.0]
    with pytest.raises(Refused, match="LIMIT"):
        find_code(spec)
    names["LIMIT"] = 4.0
    find_code(spec)


PAGE = (ROOT / "docs" / "STRATEGIES.md").read_text("utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "channel.py").write_text(block("python"))
    (tmp_path / "channel.toml").write_text(block("toml"))
    assert tomllib.loads(block("toml"))["strategy"]["use"] == "channel.py:channel"
    monkeypatch.chdir(tmp_path)
    result = huracan.backtest("channel.toml")
    assert result.figures["trades"] > 0
    assert result.figures["rejections"]["bar too wide"] > 0


def test_the_page_names_everything() -> None:
    from huracan.sim import orders
    from huracan.sim.feature import KINDS
    from huracan.sim.language_words import MATH_FUNCTIONS, PORTABLE_FUNCTIONS
    from huracan.sim.layout import Ctx

    words = set(re.findall(r"\w+", PAGE))
    assert [n for n in [*orders.__all__, *KINDS, *MATH_FUNCTIONS, *PORTABLE_FUNCTIONS] if n not in words] == ["power"]
    assert [n for n in Ctx._fields if f"ctx.{n}" not in PAGE] == []


def test_every_file_of_order_helpers_is_known_as_one() -> None:
    """A helper of a file that is not named would be a user's own function to a sweep that looks ahead."""
    from huracan.sim import orders
    from huracan.sim.language_words import ORDER_HOMES
    from huracan.sim.sources import plain

    files = Path(orders.__file__).parent.glob("order_*.py")
    assert sorted(ORDER_HOMES) == sorted(f.stem for f in files)
    helpers = [plain(getattr(orders, name)) for name in orders.__all__]
    homes = {h.__module__.removeprefix("huracan.sim.") for h in helpers if not isinstance(h, int)}
    assert homes <= set(ORDER_HOMES)
