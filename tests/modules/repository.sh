#!/bin/sh
# Makes a flat repository of tiny packages in a new folder: repository.sh FOLDER
set -eu
out=$1
rm -rf "$out"
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

package() { # NAME VERSION [FIELD: VALUE ...]; takes what lies in $work/root and $work/scripts
  name=$1 version=$2
  shift 2
  tree=$work/tree
  mkdir -p "$tree/DEBIAN" "$tree/usr/share/$name" "$work/scripts" "$work/root"
  [ -z "$(ls -A "$work/scripts")" ] || cp "$work"/scripts/* "$tree/DEBIAN/"
  [ -z "$(ls -A "$work/root")" ] || cp -r "$work"/root/* "$tree/"
  echo "$name $version" >"$tree/usr/share/$name/version"
  {
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Tests <tests@example.org>\n' "$name" "$version"
    [ $# = 0 ] || printf '%s\n' "$@"
    printf 'Description: a package of the tests\n'
  } >"$tree/DEBIAN/control"
  file=${name}_${version}_all.deb
  dpkg-deb -Znone --root-owner-group -b "$tree" "$out/$file" >/dev/null
  {
    cat "$tree/DEBIAN/control"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$out/$file")" "$(sha256sum "$out/$file" | cut -d' ' -f1)"
  } >>"$out/Packages"
  rm -rf "$tree" "$work/scripts" "$work/root"
}

script() { # NAME < script
  mkdir -p "$work/scripts"
  cat >"$work/scripts/$1"
  chmod 755 "$work/scripts/$1"
}

for version in 1.0-1 1.1-1 2.0-1; do
  mkdir -p "$work/root/etc"
  echo "greeting = hello" >"$work/root/etc/ek-hello.conf"
  echo /etc/ek-hello.conf | script conffiles
  chmod 644 "$work/scripts/conffiles"
  package ek-hello "$version" 'Provides: ek-greeting'
done
package ek-needs 1.0 'Depends: ek-hello'
package ek-likes 1.0 'Recommends: ek-hello'
package ek-old 1.0 'Depends: ek-hello (<< 2)'
package ek-rival 1.0 'Conflicts: ek-hello'
package libek-one 1.0
package libek-two 1.0
package libek-two 1.2
package ek-held 1.0
package ek-held 1.1
package ek-impossible 1.0 'Depends: ek-nowhere'
printf '#!/bin/sh\necho no >&2\nexit 3\n' | script postinst
package ek-broken 1.0
# Notes whether its service may start.
script postinst <<'END'
#!/bin/sh
status=none
[ ! -x /usr/sbin/policy-rc.d ] || { status=0; /usr/sbin/policy-rc.d ek-daemon start || status=$?; }
echo "policy $status" >/usr/share/ek-daemon/policy
END
package ek-daemon 1.0

# What every source package needs, too, for a host without it.
package build-essential 0.1

cat >"$out/Sources" <<END
Package: ek-source
Binary: ek-source
Version: 1.0
Maintainer: Tests <tests@example.org>
Build-Depends: libek-one, libek-two
Architecture: all
Format: 3.0 (native)
Directory: .
Files:
 00000000000000000000000000000000 0 ek-source_1.0.dsc
Checksums-Sha256:
 0000000000000000000000000000000000000000000000000000000000000000 0 ek-source_1.0.dsc
END
