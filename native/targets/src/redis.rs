//! What Redis answers.

use headrace_core::resp::replies::{Found, Scanner};

/// Answers in one piece and in many: the same is found in them, and it is what a reader of whole answers finds.
pub fn resp(data: &[u8]) {
    let Some((&[count, step], bytes)) = data.split_first_chunk::<2>() else { return };
    let replies = u64::from(count % 8);
    let whole = scan(replies, bytes.chunks(bytes.len().max(1)));
    assert_eq!(scan(replies, bytes.chunks(1 + usize::from(step))), whole);
    if let Some(Some(found)) = whole {
        let mut rest = bytes;
        let (mut errors, mut nulls) = (false, false);
        for _ in 0..replies {
            assert!(answer(&mut rest, &mut errors, &mut nulls, 0), "an answer that is none");
        }
        assert_eq!((rest, found), (&[][..], Found { errors, nulls }));
    }
}

/// None for what is no protocol; what was found once all is there.
fn scan<'a>(replies: u64, pieces: impl Iterator<Item = &'a [u8]>) -> Option<Option<Found>> {
    let mut scanner = Scanner::new(replies);
    let mut found = scanner.feed(b"").ok()?;
    for piece in pieces {
        found = scanner.feed(piece).ok()?;
    }
    Some(found)
}

/// One answer, read by recursion. Deeper ones than any sane server's are not looked into.
fn answer(rest: &mut &[u8], errors: &mut bool, nulls: &mut bool, depth: u32) -> bool {
    let Some(end) = rest.iter().position(|&byte| byte == b'\n') else { return false };
    let (line, behind) = rest.split_at(end + 1);
    *rest = behind;
    let Some((&kind, text)) = line.strip_suffix(b"\r\n").and_then(|line| line.split_first()) else { return false };
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    match (kind, number) {
        (b'+' | b':', _) => true,
        (b'-', _) => {
            *errors = true;
            true
        }
        (b'$' | b'*', Some(-1)) => {
            *nulls = true;
            true
        }
        (b'$', Some(size)) => {
            let Ok(size) = usize::try_from(size) else { return false };
            let Some(behind) = rest.get(size + 2..) else { return false };
            *rest = behind;
            true
        }
        (b'*', Some(count)) => depth > 1000 || (0..count).all(|_| answer(rest, errors, nulls, depth + 1)),
        _ => false,
    }
}
