"""What kind of host this is, in systemd-detect-virt's words, from files that cost nothing to read."""

from __future__ import annotations

from edge.host.procfs import Files

# What the makers of virtual machines write into DMI.
_VENDORS = (
    ("VMware", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Xen", "xen"),
    ("Microsoft Corporation", "microsoft"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Amazon EC2", "amazon"),
    ("Google", "google"),
    ("OpenStack", "kvm"),
    ("KVM", "kvm"),
    ("QEMU", "qemu"),
)
_CLOCKS = (("kvm-clock", "kvm"), ("hyperv", "microsoft"), ("xen", "xen"))
_GROUPS = (("/docker", "docker"), ("/lxc", "lxc"), ("/kubepods", "kubernetes"), ("/libpod", "podman"))


def detect(files: Files) -> str | None:
    """`openvz`, `docker`, `lxc`, …, `kvm`, …, `vm` (some hypervisor), `none`; None: unknown. Containers come first."""
    return _container(files) or _machine(files)


def _container(files: Files) -> str | None:
    if files.exists("/proc/vz") and not files.exists("/proc/bc"):  # the hardware node itself has both
        return "openvz"
    if word := (files.read("/run/systemd/container") or "").strip():
        return word[:32]
    if files.exists("/run/.containerenv"):
        return "podman"
    if files.exists("/.dockerenv"):
        return "docker"
    return _by_environment(files.read("/proc/1/environ")) or _by_group(files.read("/proc/self/cgroup"))


def _by_environment(text: str | None) -> str | None:
    """Readable by root only; lxc and systemd-nspawn say `container=` there."""
    for setting in (text or "").split("\0"):
        if setting.startswith("container="):
            return setting[len("container=") :][:32] or None
    return None


def _by_group(text: str | None) -> str | None:
    return next((word for part, word in _GROUPS if part in (text or "")), None)


def _machine(files: Files) -> str | None:
    return _by_clock(files) or _by_maker(files) or _by_processor(files)


def _by_clock(files: Files) -> str | None:
    names = files.read("/sys/devices/system/clocksource/clocksource0/available_clocksource") or ""
    return next((word for part, word in _CLOCKS if part in names), None)


def _by_maker(files: Files) -> str | None:
    kinds = ("product_name", "sys_vendor", "board_vendor", "bios_vendor")
    names = " ".join(files.read(f"/sys/class/dmi/id/{kind}") or "" for kind in kinds)
    return next((word for part, word in _VENDORS if part in names), None)


def _by_processor(files: Files) -> str | None:
    """A hypervisor shows itself to x86 guests by a processor flag."""
    text = files.read("/proc/cpuinfo", 8192)
    if not text or "flags" not in text:
        return None
    return "vm" if " hypervisor" in text else "none"
