"""What the strategy language does without: each construct with its name and the way out."""

from __future__ import annotations

import ast

LOOP = "for k in range(n): ..."
KEEP = "keep numbers in state=dict(...), a parameter, or a name of the file"

# Statements and expressions that have no place in a step, a check or their helpers.
REFUSED: dict[type[ast.AST], tuple[str, str]] = {
    ast.While: (
        "`while` is not in the strategy language: it may never end",
        "for k in range(most): ... and `break` when it is done",
    ),
    ast.Import: ("an import inside a strategy's function", "import at the top of the file"),
    ast.ImportFrom: ("an import inside a strategy's function", "import at the top of the file"),
    ast.Try: (
        "`try` is not in the strategy language: nothing is raised here",
        "test before you compute: if x > 0.0: ...",
    ),
    ast.Raise: ("`raise` is not in the strategy language", "return; a reason to trade nothing is a plain `return`"),
    ast.Assert: ("`assert` is not in the strategy language", "use `if`, or run with --python and a breakpoint"),
    ast.With: ("`with` is not in the strategy language", "there is nothing to open here; read data before the run"),
    ast.FunctionDef: ("a function inside a function", "move it to the top of the file and put @inline above it"),
    ast.ClassDef: ("a class inside a function", "keep numbers in state=dict(...)"),
    ast.Lambda: ("`lambda` is not in the strategy language", "write a function with @inline at the top of the file"),
    ast.Global: (
        "`global` is not in the strategy language: it would be shared by all lanes",
        "state=dict(n=0), then ctx.u.n",
    ),
    ast.Nonlocal: ("`nonlocal` is not in the strategy language", "state=dict(n=0), then ctx.u.n"),
    ast.Delete: ("`del` is not in the strategy language", "leave the name alone, or set a number to 0"),
    ast.Match: ("`match` is not in the strategy language", "use if, elif, else"),
    ast.AsyncFunctionDef: ("`async` is not in the strategy language", "step runs once a bar and returns"),
    ast.AsyncFor: ("`async` is not in the strategy language", "step runs once a bar and returns"),
    ast.AsyncWith: ("`async` is not in the strategy language", "step runs once a bar and returns"),
    ast.Await: ("`await` is not in the strategy language", "step runs once a bar and returns"),
    ast.Yield: (
        "`yield` is not in the strategy language",
        "step runs once a bar and returns; remember things in ctx.u",
    ),
    ast.YieldFrom: (
        "`yield` is not in the strategy language",
        "step runs once a bar and returns; remember things in ctx.u",
    ),
    ast.ListComp: ("a list comprehension", f"loop: {LOOP}"),
    ast.SetComp: ("a set comprehension", f"loop: {LOOP}"),
    ast.DictComp: ("a dict comprehension", f"loop: {LOOP}"),
    ast.GeneratorExp: ("a generator", f"loop: {LOOP}"),
    ast.Dict: ("a dict", KEEP),
    ast.Set: ("a set", KEEP),
    ast.List: ("a list", "state=dict(last=[0.0] * 16), then ctx.u.last[k]"),
    ast.JoinedStr: (
        "a text",
        "only numbers pass through the machine; to look at them run with --python and a breakpoint",
    ),
    ast.NamedExpr: ("`:=` is not in the strategy language", "assign on a line of its own"),
    ast.Starred: ("`*` before a name", "write the arguments one by one"),
    ast.Slice: ("a slice", f"take one element at a time: {LOOP}"),
}

# Builtins by what to do instead.
BUILTINS: dict[str, str] = {
    "print": "run with --python and a breakpoint, or keep the number in ctx.u",
    "sum": f"loop: {LOOP}",
    "any": f"loop: {LOOP}",
    "all": f"loop: {LOOP}",
    "sorted": "write the loop, or declare a feature (highest, lowest)",
    "reversed": "for k in range(n - 1, -1, -1): ...",
    "map": f"loop: {LOOP}",
    "filter": f"loop: {LOOP}",
    "pow": "portable_math.pow(x, y)",
    "divmod": "x // y and x % y",
    "open": "read data before the run, as a feature or a parameter",
    "input": "make it a parameter: params=dict(n=param(3))",
    "isinstance": "every value here is a number, a record or an array",
    "getattr": "name the field: ctx.f.fast",
    "setattr": "name the field: ctx.u.n = 1",
    "hasattr": "every field is known: see docs/STRATEGIES.md",
    "breakpoint": "set it in your editor and run with --python",
    "str": "only numbers pass through the machine",
    "list": "state=dict(last=[0.0] * 16), then ctx.u.last[k]",
    "dict": KEEP,
    "set": KEEP,
    "tuple": "write the tuple out: (a, b)",
}

# Modules by what to do instead.
MODULES: dict[str, str] = {
    "random": "uniform(ctx.settings.seed, ctx.settings.lane, ctx.acct.row, USER), from huracan.sim.random_numbers",
    "time": "ctx.acct.ts_ns is the time of the decision in ns UTC",
    "datetime": "ctx.acct.ts_ns is the time in ns UTC; its hour is ctx.acct.ts_ns // 3_600_000_000_000 % 24",
    "os": "make it a parameter: params=dict(n=param(3))",
    "sys": "make it a parameter: params=dict(n=param(3))",
    "pandas": "declare features (sma, ema, lag, ...): there is no history here to compute on",
    "statistics": "declare a feature: std, zscore, sma",
    "scipy": "declare features, or write it with + - * / and portable_math",
    "cmath": "portable_math, and math.sqrt",
    "logging": "run with --python and a breakpoint",
    "talib": "declare features (sma, ema, rsi, atr, ...)",
}

# What is the same on every machine, compiled and in plain Python; libm's other functions are not.
MATH_FUNCTIONS: dict[str, str] = {
    "sqrt": "float",
    "fabs": "float",
    "copysign": "float",
    "floor": "int",
    "ceil": "int",
    "isnan": "bool",
    "isinf": "bool",
    "isfinite": "bool",
}
NUMPY_FUNCTIONS: dict[str, str] = {
    "sqrt": "float",
    "fabs": "float",
    "copysign": "float",
    "floor": "float",
    "ceil": "float",
    "trunc": "float",
    "float64": "float",
    "abs": "same",
    "absolute": "same",
    "isnan": "bool",
    "isinf": "bool",
    "isfinite": "bool",
    "int64": "int",
}
PORTABLE_FUNCTIONS = ("cos", "exp", "log", "log1p", "pow", "power", "sin", "tanh")
# Modules of huracan.sim that hold the order helpers, which orders.py gathers.
ORDER_HOMES = ("order_changes", "order_readers", "order_slots", "order_targets", "order_wants")
RANDOM_FUNCTIONS: dict[str, str] = {"hash4": "number", "uniform": "float", "pick": "int", "normal": "float"}

# Functions of math and numpy by what to do instead; those of portable_math are found by their name.
MATH_WAYS_OUT: dict[str, str] = {
    "log2": "portable_math.log(x) / 0.6931471805599453",
    "log10": "portable_math.log(x) / 2.302585092994046",
    "expm1": "portable_math.exp(x) - 1.0",
    "exp2": "portable_math.pow(2.0, x)",
    "power": "portable_math.pow(x, y)",
    "cbrt": "portable_math.pow(x, 1.0 / 3.0)",
    "tan": "portable_math.sin(x) / portable_math.cos(x)",
    "hypot": "math.sqrt(x * x + y * y)",
    "dist": "math.sqrt(x * x + y * y)",
    "fmod": "x % y",
    "trunc": "int(x)",
    "radians": "x * 0.017453292519943295",
    "degrees": "x * 57.29577951308232",
    "maximum": "max(x, y)",
    "minimum": "min(x, y)",
    "clip": "min(max(x, low), high)",
    "sign": "1.0 if x > 0.0 else -1.0",
    "where": "a if test else b",
    "mean": "declare a feature: sma(20)",
    "std": "declare a feature: std(20)",
    "sum": f"loop: {LOOP}",
    "max": "max(x, y), or declare a feature: highest(20)",
    "min": "min(x, y), or declare a feature: lowest(20)",
    "array": "state=dict(last=[0.0] * 16), then ctx.u.last[k]",
    "zeros": "state=dict(last=[0.0] * 16), then ctx.u.last[k]",
    "ones": "state=dict(last=[1.0] * 16), then ctx.u.last[k]",
    "empty": "state=dict(last=[0.0] * 16), then ctx.u.last[k]",
    "random": MODULES["random"],
    "round": "math.floor(x + 0.5)",
}
