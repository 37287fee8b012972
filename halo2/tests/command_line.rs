//! The program itself: documents, exit codes, and keys that are the same on every machine.

mod common;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use pot_halo2::circuits::Circuit;
use pot_halo2::keys::hex;
use serde_json::{json, Value};
use sha2::{Digest, Sha256};

fn pot_halo2(arguments: &[&str], threads: &str, input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pot-halo2"))
        .args(arguments)
        .env("RAYON_NUM_THREADS", threads)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn result(arguments: &[&str], input: &Value) -> (i32, Value) {
    let output = pot_halo2(arguments, "2", &input.to_string());
    let document = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), document)
}

fn audit() -> Value {
    json!({
        "name": "audit", "alpha": [1, 100], "gamma": [1, 10], "eta": [1, 2], "delta": [1, 1],
        "epsilon": [1, 10], "n_min": 30, "n_max": 400,
    })
}

fn run() -> Value {
    json!({
        "preset": audit(), "attempt": 1, "scores": vec![[0; 4]; 31],
        "salt": "00112233445566778899aabbccddeeff", "run_digest": "ab".repeat(32),
    })
}

fn with(document: &Value, field: &str, value: Value) -> Value {
    let mut changed = document.clone();
    changed[field] = value;
    changed
}

#[test]
fn proves_and_verifies() {
    let (exit, proof) = result(&["prove"], &run());
    assert_eq!(exit, 0, "{proof}");
    assert_eq!(proof["circuit"], "eb-1.n66.v1");
    assert_eq!(
        (&proof["decision"], &proof["reason"]),
        (&json!("SAME"), &json!("same"))
    );
    assert_eq!(proof["n"], 31);

    let circuit = proof["circuit"].clone();
    let by_inputs = json!({
        "circuit": circuit, "public_inputs": proof["public_inputs"], "proof": proof["proof"],
    });
    let verified = json!({"circuit": "eb-1.n66.v1", "verified": true});
    assert_eq!(result(&["verify"], &by_inputs), (0, verified.clone()));

    let claim = json!({
        "preset": audit(), "attempt": 1, "decision": "SAME", "reason": "same", "n": 31,
        "score_commitment": proof["score_commitment"], "run_digest": proof["run_digest"],
    });
    let by_claim = json!({"circuit": circuit, "claim": claim, "proof": proof["proof"]});
    assert_eq!(result(&["verify"], &by_claim), (0, verified));

    let refused = |input: &Value| {
        let (exit, document) = result(&["verify"], input);
        (exit, document["error"]["code"].as_str().unwrap().to_owned())
    };
    let lie = |field: &str, value: Value| with(&by_claim, "claim", with(&claim, field, value));
    for (input, exit, code) in [
        (lie("attempt", json!(2)), 1, "proof.opening-failed"),
        (
            lie("run_digest", json!("cd".repeat(32))),
            1,
            "proof.opening-failed",
        ),
        (lie("n", json!(32)), 1, "proof.opening-failed"),
        (lie("n", json!(67)), 2, "circuit.not-the-smallest"),
        (lie("n", json!(802)), 2, "circuit.too-many-challenges"),
        (
            lie("decision", json!("DIFFERENT")),
            2,
            "claim.contradiction",
        ),
        (
            lie("score_commitment", json!("ff".repeat(32))),
            2,
            "input.not-canonical",
        ),
        (
            lie("run_digest", json!("AB".repeat(32))),
            2,
            "input.not-hex",
        ),
        (with(&by_claim, "proof", json!("AAAA")), 1, "proof.length"),
        (with(&by_claim, "proof", json!("A")), 2, "input.not-base64"),
        (
            with(&by_claim, "circuit", json!("eb-1.n66.v0")),
            2,
            "circuit.unknown",
        ),
        (
            with(&by_inputs, "public_inputs", json!(["00"])),
            2,
            "instance.length",
        ),
        (
            with(&by_inputs, "claim", claim.clone()),
            2,
            "input.not-json",
        ),
    ] {
        assert_eq!(refused(&input), (exit, code.to_owned()), "{input}");
    }

    let verified = json!({"circuit": "eb-1.n66.v1", "verified": true});
    let many = |entries: &[&Value]| result(&["verify"], &json!(entries));
    assert_eq!(many(&[]), (0, json!({"findings": []})));
    assert_eq!(
        many(&[&by_claim, &by_inputs]),
        (0, json!({"findings": [verified, verified]}))
    );
    let unknown = with(&by_claim, "circuit", json!("x"));
    let no_base64 = with(&by_claim, "proof", json!("A"));
    let too_short = with(&by_claim, "proof", json!("AAAA"));
    let lie = lie("attempt", json!(2));
    let (exit, answer) = many(&[
        &lie, &by_claim, &unknown, &too_short, &no_base64, &by_inputs,
    ]);
    assert_eq!(exit, 1);
    let findings = answer["findings"].as_array().unwrap();
    let codes: Vec<Option<&str>> = findings
        .iter()
        .map(|finding| finding["error"]["code"].as_str())
        .collect();
    assert_eq!(
        codes,
        [
            Some("proof.opening-failed"),
            None,
            Some("circuit.unknown"),
            Some("proof.length"),
            Some("input.not-base64"),
            None
        ]
    );
    for (finding, code) in findings.iter().zip(codes) {
        assert_eq!(finding["verified"], json!(code.is_none()));
    }
    assert_eq!(findings[2]["circuit"], "x");
    let more = with(&by_claim, "more", json!(1));
    for input in [
        json!(1),
        json!([[by_claim]]).to_string().into(),
        more.clone(),
    ] {
        assert_eq!(refused(&input), (2, "input.not-json".to_owned()));
    }
    let (exit, answer) = many(&[&json!(1), &more, &json!([by_claim]), &by_claim]);
    assert_eq!(exit, 1);
    for no_claim in 0..3 {
        let finding = &answer["findings"][no_claim];
        assert_eq!(finding["circuit"], Value::Null);
        assert_eq!(finding["error"]["code"], "input.not-json");
    }
    assert_eq!(answer["findings"][3]["verified"], true);
}

#[test]
fn proves_and_verifies_sums_and_each_challenge() {
    let mut run = with(
        &run(),
        "salts",
        json!(vec!["00112233445566778899aabbccddeeff"; 31]),
    );
    run.as_object_mut().unwrap().remove("salt");
    let (exit, proof) = result(&["prove"], &run);
    assert_eq!(exit, 0, "{proof}");
    assert_eq!(proof["circuit"], "eb-1.n66.v2");
    assert_eq!(
        (&proof["score_sum"], &proof["square_sum"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(proof["challenge_commitments"].as_array().unwrap().len(), 31);
    assert_eq!(proof["public_inputs"].as_array().unwrap().len(), 26);
    let claim = json!({
        "preset": audit(), "attempt": 1, "decision": "SAME", "reason": "same", "n": 31,
        "score_sum": 0, "square_sum": 0,
        "score_commitment": proof["score_commitment"], "run_digest": proof["run_digest"],
    });
    let by_claim = json!({"circuit": "eb-1.n66.v2", "claim": claim, "proof": proof["proof"]});
    let by_inputs = json!({
        "circuit": "eb-1.n66.v2", "public_inputs": proof["public_inputs"], "proof": proof["proof"],
    });
    let verified = json!({"circuit": "eb-1.n66.v2", "verified": true});
    assert_eq!(
        result(&["verify"], &json!([by_claim, by_inputs])),
        (0, json!({"findings": [verified, verified]}))
    );
    let lie = |field: &str, value: Value| with(&by_claim, "claim", with(&claim, field, value));
    for (input, exit, code) in [
        (lie("score_sum", json!(1)), 1, "proof.opening-failed"),
        (lie("square_sum", json!(1)), 1, "proof.opening-failed"),
        (
            lie("score_sum", json!(1u64 << 28)),
            2,
            "instance.out-of-range",
        ),
        (
            lie("square_sum", json!(u64::MAX)),
            2,
            "instance.out-of-range",
        ),
        (lie("square_sum", Value::Null), 2, "claim.sums"),
        (
            with(&by_claim, "circuit", json!("eb-1.n66.v1")),
            2,
            "claim.sums",
        ),
        (
            with(&by_claim, "circuit", json!("eb-1.n139.v2")),
            2,
            "circuit.not-the-smallest",
        ),
        (
            with(&by_inputs, "circuit", json!("eb-1.n66.v1")),
            2,
            "instance.length",
        ),
    ] {
        let (found, document) = result(&["verify"], &input);
        assert_eq!(
            (found, &document["error"]["code"]),
            (exit, &json!(code)),
            "{input}"
        );
    }
    for (field, value) in [
        ("salts", json!(vec!["00112233445566778899aabbccddeeff"; 30])),
        ("salt", json!("00112233445566778899aabbccddeeff")),
        ("salts", Value::Null),
    ] {
        let (exit, document) = result(&["prove"], &with(&run, field, value));
        assert_eq!(
            (exit, &document["error"]["code"]),
            (2, &json!("input.salts"))
        );
    }
}

#[test]
fn a_preset_out_of_range_is_a_finding_beside_the_others() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/proof");
    let text = std::fs::read_to_string(format!("{folder}/epsilon-above-one.json")).unwrap();
    let output = pot_halo2(&["verify"], "2", &text);
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let codes: Vec<&str> = (0..2)
        .map(|i| answer["findings"][i]["error"]["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["proof.length", "preset.out-of-range"]);
}

#[cfg(unix)]
#[test]
fn arguments_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = Command::new(env!("CARGO_BIN_EXE_pot-halo2"));
    let output = command
        .arg(std::ffi::OsStr::from_bytes(b"\xff"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_closed_channel_does_not_change_the_exit_code() {
    // Both channels are closed before the program writes: it reads to the end of its input first.
    let mut child = Command::new(env!("CARGO_BIN_EXE_pot-halo2"))
        .arg("verify")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"[{\"circuit\": 1}]").unwrap();
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn refuses_runs_that_cannot_be_proven() {
    let awkward = with(
        &with(&audit(), "name", json!("custom")),
        "gamma",
        json!([99_991, 999_979]),
    );
    for (input, code) in [
        (json!({}), "input.not-json"),
        (with(&run(), "more", json!(1)), "input.not-json"),
        (
            with(&run(), "scores", json!([[0, 0, 0, 65_536]])),
            "input.not-json",
        ),
        (
            with(&run(), "scores", json!([[0, 0, 0, 0.5]])),
            "input.not-json",
        ),
        (with(&run(), "scores", json!([])), "decision.not-stopped"),
        (
            with(&run(), "scores", json!(vec![[0; 4]; 30])),
            "decision.not-stopped",
        ),
        (
            with(&run(), "scores", json!(vec![[0; 4]; 32])),
            "decision.observed-after-stop",
        ),
        (
            with(&run(), "scores", json!(vec![[0; 4]; 802])),
            "circuit.too-many-challenges",
        ),
        (
            with(&run(), "circuit", json!("eb-1.n141.v1")),
            "circuit.not-the-smallest",
        ),
        (
            with(&run(), "attempt", json!(0)),
            "decision.attempt-out-of-range",
        ),
        (with(&run(), "salt", json!("00")), "input.not-hex"),
        (with(&run(), "salts", json!(["00"])), "input.salts"),
        (
            with(&run(), "preset", with(&audit(), "n_min", json!(1))),
            "preset.not-the-named-one",
        ),
        (
            with(&run(), "preset", with(&audit(), "name", json!("x"))),
            "preset.unknown-name",
        ),
        (
            with(&run(), "preset", with(&audit(), "eta", json!([2, 4]))),
            "preset.not-a-rational",
        ),
        (
            with(&run(), "preset", with(&audit(), "eta", json!([3, 2]))),
            "preset.out-of-range",
        ),
        (with(&run(), "preset", awkward), "preset.not-provable"),
    ] {
        let (exit, document) = result(&["prove"], &input);
        assert_eq!(
            (exit, &document["error"]["code"]),
            (2, &json!(code)),
            "{input}"
        );
    }
    let twice = run().to_string().replacen('{', "{\"attempt\": 1, ", 1);
    assert_eq!(pot_halo2(&["prove"], "2", &twice).status.code(), Some(2));
    assert_eq!(
        pot_halo2(&["prove", "more"], "2", "").status.code(),
        Some(2)
    );
}

#[test]
fn keys_are_the_pinned_ones_whatever_the_number_of_threads() {
    for circuit in [Circuit::Eb1N66, Circuit::Eb1N141, Circuit::Eb1N66V2] {
        for threads in ["1", "2", "3"] {
            let output = pot_halo2(&["keys", "--circuit", circuit.id()], threads, "");
            assert!(output.status.success());
            assert_eq!(
                hex(&Sha256::digest(&output.stdout)),
                circuit.verifying_key_digest()
            );
        }
    }
}

#[test]
fn every_circuit_has_its_pinned_key() {
    let folder = std::env::temp_dir().join(format!("pot-halo2-keys-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let output = pot_halo2(&["keys", "--out", folder.to_str().unwrap()], "2", "");
    assert!(output.status.success());
    for circuit in Circuit::ALL {
        let text = std::fs::read(folder.join(format!("{}.vk.txt", circuit.id()))).unwrap();
        assert_eq!(hex(&Sha256::digest(text)), circuit.verifying_key_digest());
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn describes_itself() {
    let output = pot_halo2(&["describe"], "2", "");
    let description: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(description["public_inputs"].as_array().unwrap().len(), 26);
    for (index, version, rows, bytes) in [(0, 1, 24, 5888), (5, 2, 26, 9184)] {
        let circuit = &description["circuits"][index];
        assert_eq!(circuit["version"], version);
        assert_eq!(circuit["public_inputs"], rows);
        assert_eq!(circuit["proof_bytes"], bytes);
    }
    let help = pot_halo2(&["--help"], "2", "");
    for word in ["prove", "verify", "keys", "describe", "exit codes"] {
        assert!(String::from_utf8_lossy(&help.stdout).contains(word));
    }
}
