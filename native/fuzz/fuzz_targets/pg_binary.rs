#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| headrace_targets::copy::pg_binary(data));
