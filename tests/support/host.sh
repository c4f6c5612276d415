#!/bin/sh
# One throw-away host on this machine (as root): its own files (an overlay over this machine's root, or over $LOWER), users,
# packages, processes and name, no Python (but with $PYTHON); this machine's network. It lives until its standard input
# ends, however that comes about.
#
#   host.sh FOLDER NAME ADDRESS PORT [sshd|systemd] < a pipe that nobody writes to
#
# With $FAMILY (redhat, arch) it passes for a system of that family: its release files and package manager, no apt.
#
# FOLDER has host_ed25519, host_ed25519.pub and user.pub, and gets `log` and `pid` (of the host's process 1). As this process sees
# it (/proc/ITS-ID/root/FOLDER), disk/root is what is on the host, disk/upper what differs there from this machine.
# Users: root, deploy (sudo without a password), deploypw (sudo with one), plain (no sudo); user.pub opens them all, and so does
# the password `testbed`.
set -eu

LOWER=${LOWER:-}
# What a system needs; all else of the machine (homes, projects, …) is not there.
KEEP=" bin etc lib lib32 lib64 libx32 sbin usr var "
LIMITS=-sys_module,-sys_rawio,-sys_time,-net_admin,-mac_override,-mac_admin,-syslog,-wake_alarm,-block_suspend
PASSWORD='$6$ekumen$OXkTWxTLcJT7uu.8eVnEIBKSBHB18y/nFpVIOLsEt1iZv2oYyggjKxRoI2f8x4wvvh48zi4pPJ4QJaKJy9LvR0'

settings() { # FOLDER NAME ADDRESS PORT [INIT]
  folder=$1 name=$2 address=$3 port=$4 init=${5:-sshd}
  disk=$folder/disk root=$folder/disk/root
}

disk() {
  mkdir -p "$disk"
  mount -t tmpfs -o mode=755,size=2g disk "$disk"
  mkdir "$disk/upper" "$disk/work" "$root"
  # Where a device 0:0 lies in the upper folder, the overlay shows nothing.
  for path in "${LOWER%%:*}"/* "${LOWER%%:*}"/.[!.]*; do
    entry=${path##*/}
    case $KEEP in *" $entry "*) ;; *) [ ! -e "$path" ] || mknod "$disk/upper/$entry" c 0 0 ;; esac
  done
  (
    cd "$disk/upper"
    mkdir -p etc/systemd etc/ssh etc/apt usr/sbin var/lib/apt var/cache
    for path in etc/systemd/system var/tmp var/log var/lib/apt/lists var/lib/apt/periodic var/cache/apt var/lib/docker \
      etc/ssh/sshd_config.d etc/sudoers.d etc/apt/apt.conf.d etc/apt/preferences.d etc/apt/sources.list.d \
      etc/apt/sources.list etc/apt/auth.conf.d etc/apt/preferences usr/sbin/policy-rc.d; do
      mknod "$path" c 0 0
    done
  )
  if [ -z "${PYTHON:-}" ]; then
    mkdir -p "$disk/upper/usr/bin"
    for path in "${LOWER%%:*}"/usr/bin/python*; do
      [ ! -e "$path" ] || mknod "$disk/upper/usr/bin/${path##*/}" c 0 0
    done
  fi
  mount -t overlay -o "lowerdir=${LOWER:-/},upperdir=$disk/upper,workdir=$disk/work" overlay "$root"
}

# Accounts of people go, accounts of the system stay.
accounts() {
  cd "$root/etc"
  shell=/bin/bash
  [ -x "$root$shell" ] || shell=/bin/sh
  awk -F: '$3 < 1000 || $3 > 60000' passwd >"$disk/passwd"
  awk -F: '$3 < 1000 || $3 > 60000' group >"$disk/group"
  for entry in deploy:1000 deploypw:1001 plain:1002; do
    user=${entry%:*} id=${entry#*:}
    echo "$user:x:$id:$id::/home/$user:$shell" >>"$disk/passwd"
    echo "$user:x:$id:" >>"$disk/group"
  done
  awk -F: -v OFS=: -v hash="$PASSWORD" '{
    secret = $1 == "root" || $3 >= 1000 && $3 < 60000 ? hash : "*"
    print $1, secret, 19000, 0, 99999, 7, "", "", "" }' "$disk/passwd" >"$disk/shadow"
  awk -F: '{ print $1 ":!::" }' "$disk/group" >"$disk/gshadow"
  for file in passwd group shadow gshadow; do
    rm -f "$file-"
    cat "$disk/$file" >"$file"
  done
  : >subuid
  : >subgid
  cd "$root"
  for entry in 0:root 1000:home/deploy 1001:home/deploypw 1002:home/plain; do
    id=${entry%:*} home=${entry#*:}
    mkdir -p "$home/.ssh"
    cp "$folder/user.pub" "$home/.ssh/authorized_keys"
    chmod 700 "$home" "$home/.ssh"
    chown -R "$id:$id" "$home"
  done
  cat >etc/sudoers <<END
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
deploy ALL=(ALL:ALL) NOPASSWD: ALL
deploypw ALL=(ALL:ALL) ALL
END
}

configuration() {
  cd "$root"
  mkdir -p etc/apt/apt.conf.d etc/apt/preferences.d etc/apt/sources.list.d etc/sudoers.d etc/systemd/system \
    var/lib/apt/lists/partial var/cache/apt/archives/partial var/log/apt tmp var/tmp proc sys dev run mnt srv opt
  chmod 1777 tmp var/tmp
  : >var/log/lastlog
  : >var/log/wtmp
  echo "$name" >etc/hostname
  printf '127.0.0.1 localhost\n%s %s\n' "$address" "$name" >etc/hosts
  rm -f etc/resolv.conf
  : >etc/resolv.conf
  : >etc/fstab
  tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
  cp "$folder/host_ed25519" "$folder/host_ed25519.pub" etc/ssh/
  cat >etc/ssh/sshd_config <<END
ListenAddress $address
Port $port
HostKey /etc/ssh/host_ed25519
PermitRootLogin yes
UsePAM $([ -d etc/pam.d ] && echo yes || echo no)
KbdInteractiveAuthentication yes
PrintMotd no
PidFile none
Subsystem sftp internal-sftp
END
  [ "$init" = systemd ] || return 0
  cd etc/systemd/system
  cat >default.target <<END
[Unit]
Description=A host of the tests
Requires=basic.target host-sshd.service
After=basic.target host-sshd.service
AllowIsolate=yes
END
  cat >host-sshd.service <<END
[Unit]
# Before this, only root may log in.
Requires=systemd-user-sessions.service
After=systemd-user-sessions.service
[Service]
ExecStart=/usr/sbin/sshd -D
RuntimeDirectory=sshd
KillMode=process
END
  # An empty unit is masked: nothing of the machine's own, and no business of a guest.
  for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udev-trigger.service \
    systemd-modules-load.service systemd-sysctl.service systemd-networkd.service systemd-networkd.socket \
    systemd-resolved.service systemd-timesyncd.service systemd-random-seed.service systemd-pstore.service \
    sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount \
    dev-hugepages.mount dev-mqueue.mount apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \
    e2scrub_all.timer man-db.timer systemd-tmpfiles-clean.timer ssh.socket docker.socket uuidd.socket; do
    : >"$unit"
  done
}

# Another family of systems, as far as its packages go.
family() {
  cd "$root"
  rm -f etc/debian_version etc/os-release usr/lib/os-release usr/bin/apt usr/bin/apt-get
  case $FAMILY in
    redhat)
      id=fedora release=etc/redhat-release said='Fedora release 41 (Forty One)'
      [ ! -x usr/bin/dnf5 ] || ln -sf dnf5 usr/bin/dnf
      rm -f usr/bin/zypper usr/bin/pacman
      mkdir -p etc/dnf/vars
      echo 41 >etc/dnf/vars/releasever
      ;;
    arch)
      id=arch release=etc/arch-release said='Arch Linux release'
      rm -f usr/bin/dnf usr/bin/dnf-3 usr/bin/dnf5 usr/bin/zypper
      ;;
  esac
  echo "$said" >"$release"
  printf 'NAME=%s\nID=%s\nVERSION_ID=41\nPRETTY_NAME="%s"\n' "${said%% *}" "$id" "$said" >etc/os-release
  # Where these families have the database of packages.
  mkdir -p etc/rpm etc/yum.repos.d var/cache/dnf var/cache/libdnf5 var/lib/dnf var/lib/rpm
  echo '%_dbpath /var/lib/rpm' >etc/rpm/macros
  [ ! -x usr/bin/rpm ] || chroot . rpm --initdb
}

# Process 1 of the host, before it is what it is to be.
inside() {
  # This /proc is still the machine's: so is the number.
  read -r pid _ </proc/self/stat
  echo "$pid" >"$folder/pid"
  if [ "$init" = systemd ]; then
    mkdir "$disk/cgroup/ekumen-test-$pid"
    echo 0 >"$disk/cgroup/ekumen-test-$pid/cgroup.procs"
    set -- unshare --cgroup
  else
    set --
  fi
  exec "$@" setpriv --bounding-set="$LIMITS" sh "$script" become "$folder" "$name" "$address" "$port" "$init"
}

become() {
  mount --bind "$root" "$root"
  cd "$root"
  mount -t proc -o nosuid,nodev,noexec proc proc
  for path in sys sysrq-trigger irq bus; do
    [ ! -e "proc/$path" ] || { mount --bind "proc/$path" "proc/$path" && mount -o remount,bind,ro "proc/$path"; }
  done
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
  mount -t tmpfs -o mode=755,nosuid dev dev
  for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 console:1:3; do
    numbers=${node#*:}
    mknod -m 666 "dev/${node%%:*}" c "${numbers%:*}" "${numbers#*:}"
  done
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,nosuid,noexec,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
  mount -t tmpfs -o mode=1777,nosuid,nodev shm dev/shm
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "dev/${number#*:}"; done
  mount -t tmpfs -o mode=755,nosuid,nodev run run
  mkdir -m 755 run/sshd
  mkdir -m 1777 run/lock
  set -- /usr/sbin/sshd -D -e
  if [ "$init" = systemd ]; then
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
    set -- /lib/systemd/systemd --show-status=no
  fi
  pivot_root . mnt
  exec chroot . /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=lxc \
    sh -c 'umount -l /mnt && exec "$@"' sh "$@"
}

script=$0
case ${1:-} in
  inside | become)
    what=$1
    shift
    settings "$@"
    "$what"
    ;;
  outside)
    shift
    settings "$@"
    exec 3<&0 </dev/null >"$folder/log" 2>&1
    hostname "$name"
    disk
    accounts
    configuration
    [ -z "${FAMILY:-}" ] || family
    if [ "$init" = systemd ]; then
      mkdir "$disk/cgroup"
      mount -t cgroup2 cgroup2 "$disk/cgroup"
    fi
    setpriv --pdeathsig KILL unshare --pid --mount --fork --kill-child sh "$script" inside "$@" 3<&- &
    child=$!
    # The end of the pipe is the end of the host.
    cat <&3 >/dev/null || :
    # A namespace of processes ends with its first one, and that only when all others have.
    kill -9 "$(cat "$folder/pid")" || :
    wait "$child" || :
    [ "$init" != systemd ] || find "$disk/cgroup/ekumen-test-$(cat "$folder/pid")" -depth -type d -exec rmdir {} +
    ;;
  *)
    exec unshare --mount --uts --ipc --propagation private sh "$script" outside "$@"
    ;;
esac
