#!/bin/sh
# Makes a repository of tiny pacman packages in a new folder, one that is newer beside it (FOLDER/newer), and a pacman.conf:
# pacman.sh FOLDER
set -eu
out=$1
rm -rf "$out"
mkdir -p "$out/newer"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

package() { # FOLDER NAME VERSION-RELEASE [FIELD = VALUE ...]; with $install as its script
  folder=$1 name=$2 version=$3
  shift 3
  tree=$work/tree
  mkdir -p "$tree/usr/share/$name" "$tree/etc"
  echo "$name $version" >"$tree/usr/share/$name/version"
  echo "of = $name" >"$tree/etc/$name.conf"
  {
    printf 'pkgname = %s\npkgbase = %s\npkgver = %s\npkgdesc = a package of the tests\n' "$name" "$name" "$version"
    printf 'builddate = 1700000000\npackager = Tests <tests@example.org>\nsize = 100\narch = any\nbackup = etc/%s.conf\n' "$name"
    [ $# = 0 ] || printf '%s\n' "$@"
  } >"$tree/.PKGINFO"
  [ -z "${install:-}" ] || printf '%s\n' "$install" >"$tree/.INSTALL"
  (cd "$tree" && tar --owner=0 --group=0 --mtime=@1700000000 -czf "$out/$folder/$name-$version-any.pkg.tar.gz" .PKGINFO $([ ! -e .INSTALL ] || echo .INSTALL) usr etc)
  rm -rf "$tree"
  file=$name-$version-any.pkg.tar.gz
  entry=$work/$folder/$name-$version
  mkdir -p "$entry"
  {
    printf '%%FILENAME%%\n%s\n\n%%NAME%%\n%s\n\n%%VERSION%%\n%s\n\n%%DESC%%\na package of the tests\n\n' "$file" "$name" "$version"
    printf '%%CSIZE%%\n%s\n\n%%ISIZE%%\n100\n\n%%SHA256SUM%%\n%s\n\n%%ARCH%%\nany\n\n%%BUILDDATE%%\n1700000000\n\n' \
      "$(stat -c %s "$out/$folder/$file")" "$(sha256sum "$out/$folder/$file" | cut -d' ' -f1)"
    for field in "$@"; do
      case $field in
        depend*) echo %DEPENDS% ;;
        provides*) echo %PROVIDES% ;;
        conflict*) echo %CONFLICTS% ;;
        group*) echo %GROUPS% ;;
      esac
      printf '%s\n\n' "${field#* = }"
    done
  } >"$entry/desc"
}

package . ek-hello 1.0-1 'provides = ek-greeting'
package newer ek-hello 2.0-1 'provides = ek-greeting'
package . ek-needs 1.0-1 'depend = ek-hello'
package . libek-one 1.0-1 'group = ek-tools'
package . libek-two 1.0-1 'group = ek-tools'
package newer libek-two 1.2-1 'group = ek-tools'
package . ek-rival 1.0-1 'conflict = ek-hello'
package . ek-impossible 1.0-1 'depend = ek-nowhere'
package . ek-epoch 1:1.0-1
# What every host has: Ansible's module does not work where nothing is installed, by name and for others.
package . ek-base 1.0-1 'depend = ek-library'
package . ek-library 1.0-1
# What is newer has the rest as it is.
for entry in "$work"/./*/; do
  name=${entry%/}
  name=${name##*/}
  case $name in
    ek-hello-* | libek-two-* | newer) ;;
    *) cp -r "$entry" "$work/newer/" && cp "$out/$name-any.pkg.tar.gz" "$out/newer/" ;;
  esac
done
(cd "$work/newer" && tar --owner=0 --group=0 --mtime=@1700000000 -czf "$out/newer/tests.db" -- */)
rm -rf "$work/newer"
(cd "$work" && tar --owner=0 --group=0 --mtime=@1700000000 -czf "$out/tests.db" -- */)

cat >"$out/pacman.conf" <<END
[options]
Architecture = x86_64
SigLevel = Never
LocalFileSigLevel = Never

[tests]
Server = file:///srv/pacman
END
