#!/bin/bash
# build.sh FOLDER: a minimal Debian 12 as a provider would hand it out, for qemu -kernel: disk.raw, vmlinuz, initrd.img,
# id_ed25519. As root; needs mmdebstrap, ssh-keygen, and the mirror that this machine's apt is configured with.
set -euo pipefail
out=$1
mirror=${EDGE_VM_MIRROR:-$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' |
  awk '$2 == "bookworm" {sub("/$", "", $1); print $1; exit}')}
[ -n "$mirror" ] || { echo "expected a mirror of bookworm in apt's sources, got none: set EDGE_VM_MIRROR"; exit 2; }

mkdir -p "$out"
root=$out/root
trap 'rm -rf "$root"' EXIT
packages=systemd,systemd-sysv,dbus,udev,kmod,openssh-server,python3,iproute2,ca-certificates,procps
packages+=,linux-image-cloud-amd64,initramfs-tools,nftables,logrotate,sudo,util-linux
mmdebstrap --quiet --variant=minbase --mode=root --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --aptopt='Acquire::Retries "5"' \
  bookworm "$root" "deb $mirror bookworm main"

echo edgevm >"$root/etc/hostname"
echo '/dev/vda / ext4 rw,noatime,errors=remount-ro 0 1' >"$root/etc/fstab"
mkdir -p "$root/etc/systemd/network" "$root/etc/ssh/sshd_config.d"
cat >"$root/etc/systemd/network/10-all.network" <<E2
[Match]
Type=ether
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
LinkLocalAddressing=no
E2
printf 'PermitRootLogin prohibit-password\nPasswordAuthentication no\nUseDNS no\n' >"$root/etc/ssh/sshd_config.d/vm.conf"
ssh-keygen -q -t ed25519 -N '' -C edge-vm -f "$out/id_ed25519"
install -d -m 700 "$root/root/.ssh"
install -m 600 "$out/id_ed25519.pub" "$root/root/.ssh/authorized_keys"
chroot "$root" systemctl --quiet enable systemd-networkd ssh
# Checks of an idle file system take 14 s of an emulated boot.
chroot "$root" systemctl --quiet disable e2scrub_reap

# virtio in a small initramfs, no boot loader: the kernel is given to qemu
printf 'virtio_pci\nvirtio_blk\nvirtio_net\next4\n' >>"$root/etc/initramfs-tools/modules"
sed -i 's/^MODULES=.*/MODULES=list/; s/^COMPRESS=.*/COMPRESS=gzip/' "$root/etc/initramfs-tools/initramfs.conf"
chroot "$root" update-initramfs -u -k all
cp "$root"/boot/vmlinuz-* "$out/vmlinuz"
cp "$root"/boot/initrd.img-* "$out/initrd.img"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
truncate -s 2G "$out/disk.raw"
mkfs.ext4 -q -F -L root -d "$root" "$out/disk.raw"
