"""A ccxt exchange, spoken to politely: rate limits kept, what passes by itself asked again, the rest named."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from huracan.sim.refusal import Refused

TRIES = 8  # of one question, for what passes by itself: resets, timeouts, 5xx, pages that make no sense
FIRST_WAIT, LONGEST = 0.5, 30.0  # seconds between two tries, doubled from one to the next
TIMEOUT_MS = 20_000


class VenueFailed(Exception):
    """The venue did not answer a question in the end; what was fetched before is stored."""


@dataclass
class Venue:
    """An open exchange, until when nobody may ask it anything, and how often it had to be asked again."""

    exchange: Any
    quiet_until: float = 0.0
    retries: int = 0
    waited: float = 0.0
    notes: list[str] = field(default_factory=list)

    async def ask(self, question: Callable[[], Awaitable[Any]]) -> Any:
        """Ask until there is an answer. 429 and 418 silence every question for as long as the venue says."""
        import ccxt

        lasting = (
            *(ccxt.AuthenticationError, ccxt.BadRequest, ccxt.NotSupported, ccxt.ArgumentsRequired),
            *(ccxt.RestrictedLocation, ccxt.InvalidProxySettings),
        )
        tried = 0
        while True:
            await self._be_quiet()
            try:
                return await question()
            except lasting as error:
                raise VenueFailed(short(error)) from error
            except Exception as error:  # a page that was cut off raises anything, inside ccxt
                tried += 1
                if tried >= TRIES:
                    raise VenueFailed(f"asked {tried} times: {short(error)}") from error
                self.retries += 1
                wait = min(FIRST_WAIT * 2 ** (tried - 1), LONGEST)
                if isinstance(error, ccxt.DDoSProtection | ccxt.RateLimitExceeded):
                    # no await lies between the answer and here, so these are the headers of this answer
                    wait = retry_after(getattr(self.exchange, "last_response_headers", None), wait)
                    self.quiet_until = max(self.quiet_until, time.monotonic() + wait)
                    self.notes.append(f"asked to wait {wait:g} s")
                else:
                    await asyncio.sleep(wait)

    async def _told_time(self) -> int:
        told = await self.exchange.fetch_time()
        if not told:  # an answer that was cut off
            raise ValueError("the venue's answer holds no time")
        return int(told)

    async def _be_quiet(self) -> None:
        while (left := self.quiet_until - time.monotonic()) > 0.0:
            self.waited += left
            await asyncio.sleep(left)

    async def now_ms(self) -> int:
        """The venue's clock where it tells it, else ours."""
        if self.exchange.has.get("fetchTime"):
            with contextlib.suppress(VenueFailed):
                return int(await self.ask(self._told_time))
        return int(self.exchange.milliseconds())


def retry_after(headers: Any, otherwise: float) -> float:
    """Seconds that a Retry-After header asks for.

    >>> retry_after({"retry-after": "3"}, 0.5), retry_after(None, 0.5)
    (3.0, 0.5)
    """
    for name, value in dict(headers or {}).items():
        if str(name).lower() == "retry-after":
            with contextlib.suppress(ValueError):
                return max(float(value), 0.0)
    return otherwise


def short(error: BaseException) -> str:
    """An error in one line of bearable length."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:200]}" if words else type(error).__name__


@contextlib.asynccontextmanager
async def open_venue(name: str, make: Callable[[dict[str, Any]], Any] | None = None) -> AsyncIterator[Venue]:
    """A venue by its ccxt name, its markets loaded; `make` builds the exchange from a configuration otherwise."""
    config: dict[str, Any] = {"enableRateLimit": True, "timeout": TIMEOUT_MS, "aiohttp_trust_env": True}
    if os.environ.get("SSL_CERT_FILE"):
        config["cafile"] = os.environ["SSL_CERT_FILE"]  # ccxt looks only at the certificates that come with it
    exchange = (make or exchange_named(name))(config)
    try:
        venue = Venue(exchange)
        await venue.ask(exchange.load_markets)
        yield venue
    finally:
        with contextlib.suppress(Exception):
            await exchange.close()


def exchange_named(name: str) -> Callable[[dict[str, Any]], Any]:
    """The class of a ccxt exchange."""
    try:
        import ccxt.async_support as venues
    except ImportError:
        fix = "pip install 'huracan-sim[live]'"
        raise Refused("fetching needs ccxt, which is not installed", where="huracan data fetch", fix=fix) from None
    if name not in venues.exchanges:
        near = difflib.get_close_matches(name.lower(), venues.exchanges, 3)
        fix = f"did you mean {', '.join(near)}?" if near else "use a name of ccxt's list, as binance, okx, kraken"
        raise Refused(f"ccxt knows no venue {name!r}", where="VENUE", fix=fix)
    found: Callable[[dict[str, Any]], Any] = getattr(venues, name)
    return found
