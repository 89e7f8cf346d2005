# What the role must know of a host, as JSON. Runs by `raw`: needs neither Python nor a file on the host, and is
# a hundredth of what gathering facts takes there. POSIX sh.
number() { printf '%s' "${1:-0}" | tr -cd 0-9 | sed 's/^$/0/'; }
meminfo() { number "$(awk -v key="$1:" '$1 == key {print $2}' /proc/meminfo)"; }
space() { df -Pk "$1" 2>/dev/null | awk -v n="$2" 'NR == 2 {print $n}'; }
list() { for item in "$@"; do printf '"%s",' "$item"; done | sed 's/,$//'; }
python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
whole=$(python3 -S -c 'from importlib.util import find_spec as f
print(all(f(n) for n in ("asyncio", "ctypes", "sqlite3", "ssl", "tomllib", "zoneinfo")))' 2>/dev/null)
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || { ls /lib/ld-musl-* >/dev/null 2>&1 && echo musl; } || echo unknown)
group=/sys/fs/cgroup/system.slice/edge.service
releases=$(for file in /opt/edge/releases/*/RELEASE; do [ -s "$file" ] && basename "$(dirname "$file")"; done)
files=$(ls /etc/systemd/system/edge.service /etc/systemd/system/edge.socket /etc/systemd/system/edge-*.service \
  /etc/sysctl.d/60-edge.conf /etc/systemd/journald.conf.d/edge.conf /etc/edge/nftables.nft /etc/edge/Caddyfile \
  /etc/systemd/system/caddy.service.d/edge.conf /etc/nginx/conf.d/edge.conf \
  /etc/systemd/system/edge.service.d/container.conf 2>/dev/null)
# those of ours that run and will after a boot
running=$(systemctl show --property=Id,ActiveState,UnitFileState edge.service edge.socket edge-run-size.service \
  edge-zram.service edge-swap-file.service edge-nftables.service 2>/dev/null |
  awk -F= '$1 == "Id" {id = $2} $1 == "ActiveState" {up = $2} $1 == "UnitFileState" {on = $2}
    $0 == "" {print id, up, on} END {print id, up, on}' | awk '$2 == "active" && $3 == "enabled" && !n[$1]++ {print $1}')
opt=/opt/edge
while [ ! -d "$opt" ]; do opt=$(dirname "$opt"); done
cat <<JSON
{"arch": "$(uname -m)", "bits": $(number "$(getconf LONG_BIT 2>/dev/null)"), "libc": "$libc",
"systemd": $([ -d /run/systemd/system ] && number "$(systemctl --version | awk 'NR == 1 {print $2}' | cut -d. -f1)" || echo 0),
"container": "$(systemd-detect-virt --container 2>/dev/null)",
"python": "$python", "python_whole": $([ "$whole" = True ] && echo true || echo false),
"memory_total": $(meminfo MemTotal), "memory_available": $(meminfo MemAvailable),
"memory_unit": $(number "$(awk '$1 == "anon" {print int($2 / 1024)}' "$group/memory.stat" 2>/dev/null)"),
"memory_max": "$(sed -n 's/^MemoryMax=//p' /etc/systemd/system/edge.service 2>/dev/null)",
"cores": $(number "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"),
"run_size": $(number "$(space /run 2)"), "run_free": $(number "$(space /run 4)"), "disk_free": $(number "$(space "$opt" 4)"),
"swap_disk": $(awk 'NR > 1 && $1 !~ /zram/ {n = 1} END {print n ? "true" : "false"}' /proc/swaps 2>/dev/null || echo false),
"swap_zram": $(grep -q zram /proc/swaps 2>/dev/null && echo true || echo false),
"zram": $({ [ -e /sys/block/zram0 ] || modprobe -n -q zram; } 2>/dev/null && echo true || echo false),
"current": "$(basename "$(readlink /opt/edge/current 2>/dev/null)")",
"previous": "$(basename "$(readlink /opt/edge/previous 2>/dev/null)")",
"releases": [$(list $releases)], "files": [$(list $files)],
"running": [$(list $running)]}
JSON
