"""How every action of the console names its broker and its terminals, and the short-lived console it works with."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

from livegate.config import Mqtt, Protocol, Tls
from livegate.errors import ConfigError, LinkError
from livegate.report.topics import Topics
from livegate_tools.console.console import Console
from livegate_tools.console.heard import check_terminal
from livegate_tools.console.listening import Listener

STOP_S = 5.0
_CONNECT_S = 8.0
_SETTLE_S = 1.5
ALL = "+"
_OPTIONS = (("[mqtt] host and port", "--host and --port"), ("[mqtt] host", "--host"), ("tls 'ca'", "--ca"))


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Declare how the broker is reached."""
    parser.add_argument("--host", default="127.0.0.1", help="the broker (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=1883, help="its port (default 1883)")
    parser.add_argument("--protocol", choices=list(Protocol), default=Protocol.AUTO, help="MQTT version (default auto)")
    parser.add_argument("--username", help="name at the broker")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="password on the first line")
    parser.add_argument("--ca", type=Path, metavar="PEM", help="speak TLS, and trust this authority")
    parser.add_argument("--tls-certificate", type=Path, metavar="PEM", help="our certificate, where the broker asks")
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="the certificate's private key")


def add_terminals(parser: argparse.ArgumentParser, *, one: bool) -> None:
    """Declare which terminal is spoken to: ``one``, or all of a site that are heard of."""
    parser.add_argument("--site", required=True, help="the terminal's site")
    if one:
        parser.add_argument("--terminal", required=True, help="the terminal's id")
    else:
        parser.add_argument("--terminal", default=ALL, help="the terminal's id (default: all of the site heard of)")


def mqtt_of(arguments: argparse.Namespace) -> Mqtt:
    """Return the broker that ``arguments`` name; ConfigError when they contradict themselves."""
    if not 1 <= arguments.port <= 65_535:
        raise ConfigError(f"--port {arguments.port}: expected 1 to 65535")
    if (arguments.tls_certificate is None) != (arguments.tls_key is None):
        raise ConfigError("--tls-certificate and --tls-key go together; give both or neither")
    if arguments.tls_certificate is not None and arguments.ca is None:
        raise ConfigError("--tls-certificate: also give --ca, the authority the broker's certificate is checked with")
    tls = Tls(arguments.ca, arguments.tls_certificate, arguments.tls_key) if arguments.ca else None
    return Mqtt(
        host=arguments.host,
        port=arguments.port,
        protocol=Protocol(arguments.protocol),
        tls=tls,
        username=arguments.username,
        password_file=arguments.password_file,
    )


def scope_of(arguments: argparse.Namespace) -> Topics:
    """Return the terminal, or with "+" the terminals, that ``arguments`` name; ConfigError for what none can be."""
    scope = Topics(arguments.site, arguments.terminal)
    try:
        check_terminal(Topics(*("x" if part == ALL else part for part in (scope.site, scope.terminal))))
    except LinkError as exc:
        text = f"--site {scope.site} --terminal {scope.terminal}: expected letters a-z, digits and -, at most 22"
        raise ConfigError(text) from exc
    return scope


@contextlib.contextmanager
def speaking(arguments: argparse.Namespace) -> Iterator[Listener]:
    """Yield a console that is connected, listens and acknowledges nothing; LinkError when it cannot connect."""
    console = Listener(mqtt_of(arguments), scope_of(arguments))
    console.start()
    try:
        console.wait(lambda: console.link().connected, _CONNECT_S, f"broker {arguments.host}:{arguments.port}")
        yield console
    except LinkError as exc:
        raise LinkError(in_options(str(exc))) from exc
    finally:
        console.stop(STOP_S)


def in_options(text: str) -> str:
    """Return what the connection says went wrong with the options' names instead of a terminal's settings."""
    for setting, option in _OPTIONS:
        text = text.replace(setting, option)
    return text


def terminals(console: Console, scope: Topics) -> tuple[Topics, ...]:
    """Return the terminals ``scope`` means, once what the broker keeps of them is here; LinkError when none is."""
    with contextlib.suppress(LinkError):
        # For all of a site nobody can say when the last one has been heard.
        wanted = scope if scope.terminal != ALL else None
        console.wait(lambda: wanted in console.heard.statuses, _SETTLE_S, "status")
    if scope.terminal != ALL:
        return (scope,)
    found = sorted(console.heard.statuses, key=lambda topics: topics.terminal)
    if not found:
        raise LinkError(f"site {scope.site}: no terminal is heard of at this broker; name one with --terminal")
    return tuple(found)
