"""The role's units for systemd as Ansible writes them."""

from __future__ import annotations

from pathlib import Path

import jinja2
import yaml

ROLE = Path(__file__).resolve().parents[1] / "ansible" / "roles" / "edge"
# What vars/main.yml makes of the host's facts.
FACTS = {"edge_limit_high": "80M", "edge_limit_max": "90M", "edge_limit_swap": "45M", "edge_limit_tasks": 32}


def defaults() -> dict:
    """Of the role, those that are not derived from others, and where it puts things."""
    found = [yaml.safe_load((ROLE / name / "main.yml").read_text()) for name in ("defaults", "vars")]
    plain = {k: v for each in found for k, v in each.items() if "{{" not in str(v)}
    return plain | FACTS | {"edge_listen": ["0.0.0.0:8080"]}


def render(name: str, **changes: object) -> str:
    """A template of the role with its defaults, and with `changes`."""
    folder = jinja2.FileSystemLoader(ROLE / "templates")
    jinja = jinja2.Environment(
        loader=folder, trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined, autoescape=False
    )
    return jinja.get_template(f"{name}.j2").render(defaults() | changes)


def write(folder: Path, *, container: bool, **changes: object) -> Path:
    """Both units, and what a container gets besides; the path of the service."""
    for name in ("edge.service", "edge.socket"):
        (folder / name).write_text(render(name, **changes))
    if container:
        (folder / "edge.service.d").mkdir()
        (folder / "edge.service.d" / "container.conf").write_text(render("edge-openvz.conf", **changes))
    return folder / "edge.service"
