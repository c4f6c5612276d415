//! Files on their way to the host.

use super::*;

#[test]
fn large_files_go_to_the_host_in_two_round_trips() {
    let Some(sshd) = sshd::start() else { return };
    for target in [sshd.target(), local()] {
        let mut session = Session::open(&target).expect("a session");
        let content: Vec<u8> =
            (0..9_000_000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        let name = digest(&content);
        let files = Files { contents: vec![(name.clone(), content)], ..Files::default() };
        let dest = sshd.path("large");
        let _ = fs::remove_file(&dest);
        let request = task(
            "copy",
            Value::object([("_digest", name.as_str()), ("dest", dest.to_str().expect("a plain path"))]),
        );
        let before = session.stats().round_trips;
        let outcome = session.call(&[request], &files, IDLE).expect("the connection holds").remove(0);
        assert!(!outcome.failed, "{:?}", outcome.result);
        assert_eq!(digest(&fs::read(&dest).expect("it arrived")), name);
        assert_eq!(session.stats().round_trips - before, 2);
    }
}

#[test]
fn contents_that_are_not_hashed_yet_take_two_round_trips() {
    let Some(sshd) = sshd::start() else { return };
    for target in [sshd.target(), local()] {
        let mut session = Session::open(&target).expect("a session");
        let content = vec![b'x'; 400_000];
        let sum = digest(&content);
        let dest = sshd.path("unread");
        let _ = fs::remove_file(&dest);
        // Absent, right, another of the same size, of another size.
        let cases = [
            (None, true),
            (Some(content.clone()), false),
            (Some(vec![b'y'; 400_000]), true),
            (Some(vec![]), true),
        ];
        for (number, (there, changed)) in cases.into_iter().enumerate() {
            let name = format!("unread {number}");
            if let Some(there) = there {
                fs::write(&dest, there).expect("a file");
            }
            let files = Files { contents: vec![(name.clone(), content.clone())], ..Files::default() };
            let args = [
                ("_content", Value::from(name)),
                ("_size", content.len().into()),
                ("dest", dest.to_str().expect("a plain path").into()),
            ];
            let before = session.stats();
            let outcome =
                session.call(&[task("copy", Value::object(args))], &files, IDLE).expect("it holds").remove(0);
            assert!(!outcome.failed, "{:?}", outcome.result);
            assert_eq!(outcome.changed, changed);
            assert_eq!(outcome.result.get("checksum"), Some(&sum.as_str().into()));
            assert_eq!(fs::read(&dest).expect("it is there"), content);
            let after = session.stats();
            assert_eq!(after.round_trips - before.round_trips, 2);
            assert_eq!(after.bytes_sent - before.bytes_sent > 400_000, changed);
        }
        // Where it cannot go, it is not sent; the failure tells its checksum.
        let files = Files { contents: vec![("unread".into(), content.clone())], ..Files::default() };
        let args = [("_content", "unread".into()), ("dest", Value::from("/no/such/folder/f"))];
        let before = session.stats();
        let outcome =
            session.call(&[task("copy", Value::object(args))], &files, IDLE).expect("it holds").remove(0);
        assert!(outcome.failed && outcome.result.get("checksum") == Some(&sum.as_str().into()));
        assert!(session.stats().bytes_sent - before.bytes_sent < 1_000);
        // What vanished meanwhile is a failure, too, and the session goes on.
        let args =
            [("_content", "other".into()), ("dest", Value::from(dest.to_str().expect("a plain path")))];
        let outcome =
            session.call(&[task("copy", Value::object(args))], &files, IDLE).expect("it holds").remove(0);
        assert_eq!(outcome.result.get("msg"), Some(&"it vanished meanwhile".into()));
    }
}

#[test]
fn a_file_that_vanished_fails_the_task_and_not_the_session() {
    let mut session = Session::open(&local()).expect("a session");
    let name = digest(b"never");
    let request = task("copy", Value::object([("_digest", name.as_str()), ("dest", "/nonexistent/x")]));
    let outcome = session.call(&[request], &Files::default(), IDLE).expect("the connection holds").remove(0);
    assert!(outcome.failed);
    assert_eq!(text(&run(&mut session, ping()), "ping"), "pong");
}
