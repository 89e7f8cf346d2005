"""`edge hits`: reports, export, import of access logs, purging."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from edge.cli.local import PLACES, settings_of
from edge.errors import ConfigError
from edge.hits.purge import NAMED

if TYPE_CHECKING:
    from edge.cli.hitslocal import Operator
    from edge.config.model import Settings
    from edge.hits.settings import SiteSettings

HELP = "report, export, import, purge and forget the hits of sites"
EXAMPLES = (
    "edge hits report --site 1 --days 7",
    "edge hits import --site 1 access.log access.log.1.gz",
    "edge hits purge --site 1 --before 2026-01-01",
    "edge hits forget --site 1 /private/page",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _report(verbs.add_parser("report", help="what was counted: a table, JSON or CSV"))
    export = verbs.add_parser("export", help="everything that is kept of a site, as JSON lines or CSV")
    export.add_argument("--format", choices=("json", "csv"), default="json", help="default: %(default)s, one a line")
    take = verbs.add_parser("import", help="count the page views of access logs: each line of a log counts once")
    take.add_argument("logs", nargs="+", metavar="LOG", help="combined, common, nginx or Caddy JSON; may be gzip")
    purge = verbs.add_parser("purge", help="drop old days of a site for good")
    purge.add_argument("--before", required=True, metavar="DAY", help="the first day that stays, such as 2026-01-01")
    _forgetting(verbs.add_parser("forget", help='drop one name: what it counted becomes part of "(other)"'))
    for verb in verbs.choices.values():
        verb.add_argument("--config", metavar="FILE", help=f"the TOML file; default: {' or '.join(PLACES)}")
        verb.add_argument("--site", type=int, metavar="ID", help="the number of the site, if there are several")


def _report(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--days", metavar="N", help="the last N days with today (default: 7)")
    add("--from", dest="first", metavar="DAY", help="the first day, such as 2026-11-01")
    add("--to", dest="last", metavar="DAY", help="the last day; default: today")
    add("--by", choices=("day", "hour"), help="default: by the hour up to two days, else by day")
    add("--top", type=int, default=10, metavar="N", help="names in each list, 1 to 500 (default: %(default)s)")
    add("--format", choices=("table", "json", "csv"), default="table", help="default: %(default)s")


def _forgetting(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Without --list NAME is a path, and goes as page, entry page and download, with and without parameters. Titles "
        "and the other lists are kept by themselves and know no path: what shall go there is named with --list."
    )
    parser.add_argument("name", metavar="NAME", help="as reports show it (whole in JSON), such as /private/page")
    parser.add_argument("--list", choices=NAMED, help="the list that has the name; default: those of paths")


def run(args: argparse.Namespace) -> int:
    """0: done; 1: some log was not read, there was nothing to forget, or the database refuses."""
    from edge.cli.hitslocal import Operator  # noqa: PLC0415 - only this verb pays for it

    settings = settings_of(args.config)
    site = _removed(settings, args) or _site(settings, args.site)
    return {"report": _show, "export": _export, "import": _import, "purge": _purge, "forget": _forget}[args.verb](
        args, site, Operator(settings)
    )


def _site(settings: Settings, wanted: int | None) -> SiteSettings:
    known = ", ".join(str(site.id) for site in settings.sites) or "none: the configuration has no [[site]]"
    if wanted is None and len(settings.sites) == 1:
        return settings.sites[0]
    for site in settings.sites:
        if site.id == wanted:
            return site
    raise ConfigError(f"--site: expected one of {known}; got {'nothing' if wanted is None else wanted}")


def _removed(settings: Settings, args: argparse.Namespace) -> SiteSettings | None:
    """A site that the configuration has no more may still be purged."""
    from edge.hits.settings import SiteSettings  # noqa: PLC0415

    if args.verb != "purge" or args.site is None or any(site.id == args.site for site in settings.sites):
        return None
    return SiteSettings(args.site, ())


def _show(args: argparse.Namespace, site: SiteSettings, operator: Operator) -> int:
    from edge.cli.hitsreport import show  # noqa: PLC0415

    if not 1 <= args.top <= 500:
        raise ConfigError(f"--top: expected 1 to 500, got {args.top}")
    if args.days and (args.first or args.last):
        raise ConfigError("expected --days, or --from and --to, got both")
    words = {"days": args.days, "from": args.first, "to": args.last, "by": args.by, "limit": str(args.top)}
    report = operator.report(site, {name: word for name, word in words.items() if word})
    show(report, args.format, sys.stdout)
    return 0


def _export(args: argparse.Namespace, site: SiteSettings, operator: Operator) -> int:
    from edge.cli.hitsreport import write  # noqa: PLC0415

    write(operator.export(site), args.format, sys.stdout)
    return 0


def _import(args: argparse.Namespace, site: SiteSettings, operator: Operator) -> int:
    from edge.cli.hitsimport import take  # noqa: PLC0415

    return take(args.logs, site, operator)


def _purge(args: argparse.Namespace, site: SiteSettings, operator: Operator) -> int:
    from edge.hits.period import read_day, to_day  # noqa: PLC0415

    try:
        first = read_day(args.before)
    except ValueError as error:
        raise ConfigError(f"--before: {error}") from None
    if first > datetime.now(UTC).date() + timedelta(days=2):  # a slip in the year would drop everything
        raise ConfigError(f"--before: expected a day up to tomorrow, got {args.before}")
    before = to_day(first)
    print(f"days dropped: {operator.purge(site, before)}")
    return 0


def _forget(args: argparse.Namespace, site: SiteSettings, operator: Operator) -> int:
    from edge.cli.hitsreport import plain  # noqa: PLC0415

    if not args.list and not args.name.startswith("/"):
        raise ConfigError("expected a path that begins with / as reports show it, or --list with another name")
    forgotten = operator.forget(site, args.name, args.list or "")
    for each in forgotten:
        print(f"{each.dimension:<10} {plain(each.name)}  (days: {each.days}, hits: {each.hits:,})")
    if not forgotten:
        where = args.list or "page, entry page or download"
        print(f"edge: nothing dropped: site {site.id} has no {where} of that name", file=sys.stderr)
        return 1
    print('dropped; what they counted is part of "(other)" now')
    if site.titles and not args.list:
        print("titles know no path: drop the title as well with --list title")
    return 0
