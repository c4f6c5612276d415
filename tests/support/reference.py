"""Runs playbooks with the real ansible-core: imported once and forked for each run, which makes thousands of them possible."""
import os
import pathlib
import shutil
import signal
import sys

# Where settings have to be read anew.
START = "import sys; sys.argv[0] = 'ansible-playbook'; from ansible.cli.playbook import main; main()"


def late(*_):
    raise TimeoutError


def prepare(scratch, **settings):
    """Once for a process, before the first run: a home of its own and all that a run needs."""
    signal.signal(signal.SIGALRM, late)
    os.environ.update(HOME=str(scratch), LANG="C.UTF-8", ANSIBLE_NOCOLOR="1", ANSIBLE_FORKS="1", **settings)
    import ansible.cli.playbook  # noqa: F401
    import ansible.executor.playbook_executor  # noqa: F401
    import ansible.executor.task_executor  # noqa: F401
    import ansible.plugins.strategy  # noqa: F401


def run(folder, files, args, limit):
    """Output, errors and exit code of a playbook in a fresh folder with these files (texts by path), whose name becomes `{dir}`;
    None if it does not come to an end within `limit` seconds."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    out, err = folder.parent / "out", folder.parent / "err"
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        os.chdir(folder)
        write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        for descriptor, path, flags in [(0, os.devnull, os.O_RDONLY), (1, out, write), (2, err, write)]:
            os.dup2(os.open(path, flags, 0o600), descriptor)
        sys.argv = ["ansible-playbook", "-i", "inventory", *args]
        if "ansible.cfg" in files:
            # The settings were read when Ansible was imported.
            os.execv(sys.executable, [sys.executable, "-c", START, *sys.argv[1:]])
        code = 250
        try:
            from ansible.cli.playbook import main as cli
            cli(sys.argv)
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    signal.alarm(limit)
    try:
        _, status = os.waitpid(child, 0)
    except TimeoutError:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None
    finally:
        signal.alarm(0)
    said = [path.read_text().replace(str(folder), "{dir}") for path in (out, err)]
    return *said, os.waitstatus_to_exitcode(status)
