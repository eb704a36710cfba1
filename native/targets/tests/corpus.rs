//! Every file of the corpus, and mutations of it, through its target: as many as HEADRACE_FUZZ_RUNS says, the same at every run.

use headrace_targets::{packed, TARGETS};

const RUNS: u64 = 20_000;

/// xorshift64*: chance that repeats itself.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let files = packed::read(&packed::path_of(name)).unwrap_or_else(|error| panic!("the corpus of {name}: {error}"));
    assert!(!files.is_empty(), "the corpus of {name} is empty");
    files
}

fn mutated(files: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut data = files[chance.below(files.len())].clone();
    for _ in 0..=chance.below(4) {
        let at = chance.below(data.len() + 1);
        match chance.below(6) {
            0 if at < data.len() => data[at] ^= 1 << chance.below(8),
            1 if at < data.len() => data[at] = [0, 0xFF, 0x7F, 0x80, b'0', b'9', b'-', b'"', b'\\'][chance.below(9)],
            2 => data.truncate(at),
            3 => data.insert(at, chance.next() as u8),
            4 => {
                let other = &files[chance.below(files.len())];
                let from = chance.below(other.len() + 1);
                data.truncate(at);
                data.extend_from_slice(&other[from..]);
            }
            _ => {
                let end = (at + 1 + chance.below(8)).min(data.len());
                data.drain(at.min(end)..end);
            }
        }
    }
    data
}

#[test]
fn nothing_that_is_read_panics() {
    let runs = std::env::var("HEADRACE_FUZZ_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(RUNS);
    for (name, target) in TARGETS {
        let files = corpus(name);
        for file in &files {
            target(file);
        }
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
        for _ in 0..runs {
            target(&mutated(&files, &mut chance));
        }
    }
}
