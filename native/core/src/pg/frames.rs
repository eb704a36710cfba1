//! Frames: the CopyData messages in the bytes of a replication connection. Source: PostgreSQL manual, "Message Formats".

/// What stands at the head of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Head<'a> {
    /// A whole CopyData; its body, and how many bytes it takes with its head.
    Copy(&'a [u8], usize),
    /// The beginning of a CopyData: so many bytes are still missing, at least.
    Short(usize),
    /// A message that is no CopyData, or one of an impossible length.
    Foreign,
    Empty,
}

/// Bytes of a message before its body.
pub const HEAD: usize = 5;
/// More than the server ever sends in one message.
const MOST: usize = 1 << 30;

/// Look at the head of `bytes`.
#[inline]
pub fn head(bytes: &[u8]) -> Head<'_> {
    match bytes {
        [] => Head::Empty,
        [b'd', a, b, c, d, rest @ ..] => {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            if !(4..MOST).contains(&length) {
                return Head::Foreign;
            }
            let body = length - 4;
            match rest.get(..body) {
                Some(found) => Head::Copy(found, HEAD + body),
                None => Head::Short(body - rest.len()),
            }
        }
        [b'd', ..] => Head::Short(HEAD - bytes.len()),
        _ => Head::Foreign,
    }
}
