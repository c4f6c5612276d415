#!/bin/sh
# Makes repositories of tiny RPM packages in a new folder, FOLDER/tests and FOLDER/extra, and the files that tell dnf of them: rpm.sh FOLDER
set -eu
out=$1
rm -rf "$out"
mkdir -p "$out/tests" "$out/extra"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
# No clock in what is made, and nothing of this machine.
export SOURCE_DATE_EPOCH=1700000000

package() { # REPOSITORY NAME VERSION-RELEASE [LINE OF THE PREAMBLE ...] < further sections
  repository=$1 name=$2 version=$3
  shift 3
  {
    printf 'Name: %s\nVersion: %s\nRelease: %s\nSummary: a package of the tests\nLicense: MIT\nBuildArch: noarch\n' \
      "$name" "${version%-*}" "${version#*-}"
    [ $# = 0 ] || printf '%s\n' "$@"
    printf '%%description\nA package of the tests.\n%%install\nmkdir -p %%{buildroot}/usr/share/%s\n' "$name"
    echo "echo $name $version >%{buildroot}/usr/share/$name/version"
    cat
    # A section of its own continues the list of files.
    [ -n "${own_files:-}" ] || echo '%files'
    echo "/usr/share/$name"
  } >"$work/$name.spec"
  rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $out/$repository" --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
    --define 'use_source_date_epoch_as_buildtime 1' --define '_buildhost tests' --define '_dbpath %{_topdir}/db' \
    --define '_binary_payload w0.ufdio' "$work/$name.spec" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}

for version in 1.0-1 1.1-1 2.0-1; do
  own_files=1 package tests ek-hello "$version" 'Provides: ek-greeting' <<'END_OF_SPEC'
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc
echo 'echo hello' >%{buildroot}/usr/bin/ek-hello
echo 'greeting = hello' >%{buildroot}/etc/ek-hello.conf
%files
%attr(755,root,root) /usr/bin/ek-hello
%config(noreplace) /etc/ek-hello.conf
END_OF_SPEC
done
package tests ek-needs 1.0-1 'Requires: ek-hello' </dev/null
package tests ek-likes 1.0-1 'Recommends: ek-hello' </dev/null
package tests ek-old 1.0-1 'Requires: ek-hello < 2' </dev/null
package tests ek-rival 1.0-1 'Conflicts: ek-hello' </dev/null
package tests libek-one 1.0-1 </dev/null
package tests libek-two 1.0-1 </dev/null
package tests libek-two 1.2-1 </dev/null
package tests ek-former 1.0-1 </dev/null
package tests ek-present 1.0-1 'Obsoletes: ek-former < 2' 'Provides: ek-former = 2' </dev/null
package tests ek-impossible 1.0-1 'Requires: ek-nowhere' </dev/null
package tests ek-epoch 1.0-1 'Epoch: 1' </dev/null
# In Lua, so that it needs no shell, which no package here provides.
package tests ek-broken 1.0-1 <<'END_OF_SPEC'
%pre -p <lua>
error("no")
END_OF_SPEC
package extra ek-extra 1.0-1 </dev/null
# A package whose name is so long that tables break their lines.
package tests ek-a-name-that-is-far-too-long-for-the-columns-of-any-table-that-anybody-shows 1.0-1 </dev/null

cat >"$work/groups.xml" <<END
<?xml version="1.0" encoding="UTF-8"?>
<comps>
  <group>
    <id>ek-tools</id>
    <name>Tools of the tests</name>
    <default>false</default>
    <uservisible>true</uservisible>
    <packagelist>
      <packagereq type="mandatory">libek-one</packagereq>
      <packagereq type="default">libek-two</packagereq>
    </packagelist>
  </group>
  <environment>
    <id>ek-desk</id>
    <name>Desk of the tests</name>
    <description>all of it</description>
    <grouplist><groupid>ek-tools</groupid></grouplist>
  </environment>
</comps>
END
{
  echo '<?xml version="1.0" encoding="UTF-8"?>'
  echo '<updates>'
  for advisory in security:libek-two:1.2 bugfix:ek-hello:2.0; do
    type=${advisory%%:*} version=${advisory##*:}
    name=${advisory#*:}
    name=${name%:*}
    cat <<END
  <update from="tests@example.org" status="final" type="$type" version="1">
    <id>EK-$name</id><title>$name</title><issued date="2024-01-01 00:00:00"/><severity>Important</severity>
    <description>of $name</description>
    <pkglist><collection short="tests"><name>tests</name>
      <package name="$name" version="$version" release="1" epoch="0" arch="noarch"><filename>$name-$version-1.noarch.rpm</filename></package>
    </collection></pkglist>
  </update>
END
  done
  echo '</updates>'
} >"$work/updateinfo.xml"

createrepo_c --quiet --no-database --simple-md-filenames --groupfile "$work/groups.xml" "$out/tests"
modifyrepo_c "$work/updateinfo.xml" "$out/tests/repodata" >/dev/null 2>&1
createrepo_c --quiet --no-database --simple-md-filenames "$out/extra"

for repository in tests extra; do
  enabled=1
  [ "$repository" = tests ] || enabled=0
  cat >"$out/$repository.repo" <<END
[$repository]
name=$repository
baseurl=file:///srv/rpm/$repository
enabled=$enabled
gpgcheck=0
autorefresh=0
END
done
