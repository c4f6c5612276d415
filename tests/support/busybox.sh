#!/bin/sh
# Makes the root of a host with nothing but BusyBox and an SSH server: busybox.sh FOLDER (a new one)
set -eu
folder=$1
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
mkdir -p bin sbin usr/bin usr/sbin usr/lib/openssh etc/ssh lib lib64 var/lib var/empty
cp "$(command -v busybox)" bin/busybox
for program in /usr/sbin/sshd /usr/lib/openssh/sshd-*; do
  [ ! -x "$program" ] || cp "$program" "${program#/}"
done
for library in $(ldd bin/busybox usr/sbin/sshd usr/lib/openssh/sshd-* 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*' | sort -u); do
  mkdir -p ".${library%/*}"
  cp -L "$library" ".$library"
done
# Each applet by its name, where it belongs.
bin/busybox --list-full | while read -r path; do
  mkdir -p "$(dirname "$path")"
  [ -e "$path" ] || ln -s /bin/busybox "$path"
done
printf '%s\n' root:x:0:0:root:/root:/bin/sh sshd:x:100:65534::/run/sshd:/bin/false >etc/passwd
printf '%s\n' root:x:0: shadow:x:42: nogroup:x:65534: >etc/group
: >etc/shadow
: >etc/gshadow
