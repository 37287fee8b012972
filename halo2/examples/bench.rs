//! Prints what proving and verifying cost: `cargo run --release --example bench`.
//!
//! CPU seconds are those of the process on all threads, so they hold on a busy machine too. Each
//! run has a process of its own, so that the memory is its own.

use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use pot_halo2::keys::VerifierKeys;
use pot_halo2::preset::{Preset, Ratio};
use pot_halo2::proof::{prove_unchecked, Run};
use pot_halo2::verification::verify;

const CHALLENGES: [usize; 6] = [31, 64, 100, 200, 400, 800];

fn main() {
    if let Some(n) = env::args().nth(1) {
        return measure(n.parse().expect("a number of challenges"));
    }
    println!("| n | circuit | keys CPU-s | prove CPU-s | verify CPU-ms | proof bytes | peak MB |");
    println!("|---:|---|---:|---:|---:|---:|---:|");
    let program = env::current_exe().expect("this program has a path");
    for n in CHALLENGES {
        let status = Command::new(&program).arg(n.to_string()).status();
        assert!(status.expect("this program can be started").success());
    }
}

fn measure(n: usize) {
    let provable = undecided_run(n).prepare().expect("the run ends at n_max");
    // The first call may make the public parameters; they are cached from then on.
    VerifierKeys::generate(provable.circuit).expect("every circuit has keys");

    let start = cpu_seconds();
    let keys = VerifierKeys::generate(provable.circuit).expect("every circuit has keys");
    let proving_key = keys.proving_key().expect("every circuit has keys");
    let keys_cpu = cpu_seconds() - start;

    let start = cpu_seconds();
    let proof = prove_unchecked(&keys, &proving_key, provable.clone()).expect("a true claim");
    let prove_cpu = cpu_seconds() - start;

    const VERIFICATIONS: u32 = 20;
    let (start, clock) = (cpu_seconds(), Instant::now());
    for _ in 0..VERIFICATIONS {
        verify(&keys, &provable.instance, &proof).expect("a proof of a true claim");
    }
    let verify_cpu = (cpu_seconds() - start) * 1e3 / f64::from(VERIFICATIONS);
    eprintln!("verify: {:?} wall", clock.elapsed() / VERIFICATIONS);
    println!(
        "| {n} | {} | {keys_cpu:.2} | {prove_cpu:.2} | {verify_cpu:.0} | {} | {} |",
        provable.circuit.id(),
        proof.len(),
        peak_megabytes(),
    );
}

/// A run that no rule stops before `n_max`: scores 0 and 65535 by turns, gamma just below their
/// mean, delta far above it.
fn undecided_run(n: usize) -> Run {
    let ratio = |num, den| Ratio::new(num, den).expect("lowest terms");
    let n_max = u32::try_from(n).expect("a small number");
    Run {
        preset: Preset {
            alpha: ratio(1, 100),
            gamma: ratio(99, 100),
            eta: ratio(1, 2),
            delta: ratio(199, 100),
            epsilon: ratio(1, 100),
            n_min: 1,
            n_max,
            attempt: 1,
        },
        scores: vec![[0, u16::MAX, 0, u16::MAX]; n],
        salt: [1; 16],
        run_digest: [2; 32],
    }
}

/// User and system time of all threads, from /proc/self/stat in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().expect("a number"))
        .sum::<f64>()
        / 100.0
}

fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes
        .and_then(|kb| kb.parse::<u64>().ok())
        .expect("a number")
        / 1024
}
