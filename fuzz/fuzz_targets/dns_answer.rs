#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| egress_observer::fuzz::dns_answer(data));
