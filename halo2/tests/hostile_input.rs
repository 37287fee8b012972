//! No input makes the program panic: documents changed at random, towards the extremes of every
//! type, and bytes that are no documents.
//!
//! `POT_HALO2_TESTS=exhaustive` tries fifty times as many.

mod common;

use common::{exhaustive, Random};
use pot_halo2::documents::{OneOrMany, VerifyInput};
use pot_halo2::error::{Error, ErrorKind};
use pot_halo2::instance_ranges::check_ranges;
use pot_halo2::preset::{Preset, Ratio};
use pot_halo2::prove_documents::ProveInput;
use pot_halo2::public_inputs::parameters;
use pot_halo2::rule::SequentialTest;
use serde_json::{json, Map, Value};

fn documents_tried() -> usize {
    if exhaustive() {
        1_000_000
    } else {
        20_000
    }
}

const NUMBERS: [u64; 24] = [
    0,
    1,
    2,
    3,
    30,
    31,
    63,
    64,
    65,
    255,
    801,
    802,
    10_000,
    10_001,
    65_535,
    65_536,
    1 << 19,
    1_000_000,
    1_000_001,
    2_000_000,
    u32::MAX as u64,
    1 << 32,
    1 << 63,
    u64::MAX,
];

fn preset(n_max: u32) -> Value {
    json!({
        "name": "custom", "alpha": [1, 100], "gamma": [1, 10], "eta": [1, 2], "delta": [1, 1],
        "epsilon": [1, 10], "n_min": 2, "n_max": n_max,
    })
}

fn verify_by_claim() -> Value {
    let claim = json!({
        "preset": preset(400), "attempt": 1, "decision": "SAME", "reason": "same", "n": 31,
        "score_commitment": "00".repeat(32), "run_digest": "ab".repeat(32),
    });
    json!({"circuit": "eb-1.n66.v1", "claim": claim, "proof": "AAAA"})
}

fn verify_by_inputs() -> Value {
    json!({
        "circuit": "eb-1.n66.v1", "public_inputs": vec!["00".repeat(32); 24], "proof": "",
    })
}

/// The same claims, of version 2.
fn of_version_2(mut input: Value) -> Value {
    input["circuit"] = json!("eb-1.n66.v2");
    if let Some(claim) = input.get_mut("claim") {
        claim["score_sum"] = json!(31);
        claim["square_sum"] = json!(31);
    }
    if let Some(values) = input.get_mut("public_inputs") {
        *values = json!(vec!["00".repeat(32); 26]);
    }
    input
}

/// Inputs of `prove` for each version.
fn prove_inputs() -> [Value; 2] {
    let with = |field: &str, value: Value| {
        let mut input = json!({
            "preset": preset(5), "attempt": 1, "scores": vec![[0, 65_535, 1, 0]; 5],
            "run_digest": "ab".repeat(32),
        });
        input[field] = value;
        input
    };
    [
        with("salt", json!("00".repeat(16))),
        with("salts", json!(vec!["00".repeat(16); 5])),
    ]
}

fn odd_value(random: &mut Random) -> Value {
    match random.below(16) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(-1),
        3 => json!(i64::MIN),
        4 => json!(0.5),
        5 => json!(1e308),
        6 => json!([]),
        7 => json!({}),
        8 => json!(""),
        9 => json!("\u{0}\u{202e}é\u{10ffff}"),
        10 => json!("f".repeat(usize::try_from(random.below(130)).unwrap())),
        11 => (0..200).fold(json!(0), |inner, _| json!([inner])),
        12 => json!(vec![
            [65_535; 4];
            usize::try_from(random.below(900)).unwrap()
        ]),
        _ => json!(NUMBERS[random.index(NUMBERS.len())]),
    }
}

/// Changes one value somewhere below this one.
fn change(random: &mut Random, value: &mut Value) {
    let here = random.below(4) == 0;
    match value {
        Value::Object(fields) if !here && !fields.is_empty() => {
            let index = random.index(fields.len());
            let key = fields.keys().nth(index).unwrap().clone();
            match random.below(12) {
                0 => drop(fields.remove(&key)),
                1 => drop(fields.insert("more".to_owned(), json!(1))),
                _ => change(random, fields.get_mut(&key).unwrap()),
            }
        }
        Value::Array(items) if !here && !items.is_empty() => {
            let index = random.index(items.len());
            match random.below(12) {
                0 => drop(items.remove(index)),
                1 => items.push(items[index].clone()),
                _ => change(random, &mut items[index]),
            }
        }
        _ => *value = odd_value(random),
    }
}

fn changed(random: &mut Random, document: &Value) -> Value {
    let mut document = document.clone();
    for _ in 0..random.below(4) {
        change(random, &mut document);
    }
    document
}

/// Changes bytes of the text: most of what results is no JSON any more.
fn damaged(random: &mut Random, text: &mut Vec<u8>) {
    if random.below(4) != 0 {
        return;
    }
    for _ in 0..=random.below(2) {
        if text.is_empty() {
            return;
        }
        let position = random.index(text.len());
        match random.below(4) {
            0 => text.truncate(position),
            1 => text.insert(position, b"[{\"\\]},:0-e"[random.index(11)]),
            _ => text[position] ^= 1 << random.below(8),
        }
    }
}

fn verify_finding(input: Result<VerifyInput, Error>) -> Result<(), Error> {
    let verifiable = input?.prepare()?;
    check_ranges(&verifiable.instance, verifiable.circuit)
}

fn tell(error: &Error) {
    assert_ne!(error.kind(), ErrorKind::Bug, "{error}");
    assert!(error.message().chars().count() <= 301 && !error.message().contains('\n'));
}

#[test]
fn no_document_for_verify_panics() {
    let mut random = Random::seeded(1);
    let (mut read, mut usable) = (0, 0);
    for number in 0..documents_tried() {
        let base = [verify_by_claim(), verify_by_inputs()][number % 2].clone();
        let base = if number % 4 < 2 {
            base
        } else {
            of_version_2(base)
        };
        let mut document = changed(&mut random, &base);
        if random.below(8) == 0 {
            document = json!([document, base, odd_value(&mut random)]);
        }
        let mut text = document.to_string().into_bytes();
        damaged(&mut random, &mut text);
        match VerifyInput::parse(&text) {
            Err(error) => tell(&error),
            Ok(OneOrMany::One(input)) => match verify_finding(Ok(*input)) {
                Ok(()) => usable += 1,
                Err(error) => tell(&error),
            },
            Ok(OneOrMany::Many(inputs)) => {
                for input in inputs {
                    read += 1;
                    if let Err(error) = verify_finding(input) {
                        tell(&error);
                    }
                }
            }
        }
    }
    println!("{read} entries of arrays, {usable} single claims in range");
    assert!(read > 100 && usable > 100);
}

#[test]
fn no_document_for_prove_panics() {
    let mut random = Random::seeded(2);
    let mut provable = 0;
    let bases = prove_inputs();
    for number in 0..documents_tried() / 4 {
        let mut text = changed(&mut random, &bases[number % 2])
            .to_string()
            .into_bytes();
        damaged(&mut random, &mut text);
        match ProveInput::parse(&text).and_then(|run| run.prepare()) {
            Ok(_) => provable += 1,
            Err(error) => tell(&error),
        }
    }
    println!("{provable} runs can be proven");
    assert!(provable > 50);
}

#[test]
fn no_preset_panics() {
    // Terms of rationals and counts at the ends of their ranges, and at random.
    let mut random = Random::seeded(3);
    let (mut checked, mut provable) = (0, 0);
    for number in 0..documents_tried() * 10 {
        let wild = number % 4 == 0;
        let ends = [
            (1, 1_000_000),
            (999_999, 1_000_000),
            (1, 4),
            (1, 1),
            (1_999_999, 1_000_000),
        ];
        let mut ratio = || {
            let number = |random: &mut Random| NUMBERS[random.index(NUMBERS.len())];
            let (num, den) = match random.below(3) {
                0 => ends[random.index(ends.len())],
                _ if wild => (number(&mut random), number(&mut random)),
                _ => (1 + random.below(20), 1 + random.below(40)),
            };
            Ratio::new(num, den)
        };
        let [Ok(alpha), Ok(gamma), Ok(eta), Ok(delta), Ok(epsilon)] =
            [ratio(), ratio(), ratio(), ratio(), ratio()]
        else {
            continue;
        };
        let mut count = |usual: &[u32]| match random.below(8) {
            0 => NUMBERS[random.index(21)] as u32,
            _ => usual[random.index(usual.len())],
        };
        let preset = Preset {
            alpha,
            gamma,
            eta,
            delta,
            epsilon,
            n_min: count(&[1, 2, 30]),
            n_max: count(&[30, 801, 10_000]),
            attempt: count(&[1, 2, 64]),
        };
        let preset = match preset.checked() {
            Ok(preset) => preset,
            Err(error) => {
                tell(&error);
                continue;
            }
        };
        checked += 1;
        let mut test = SequentialTest::new(preset).unwrap();
        for scores in [[0; 4], [65_535; 4], [0, 65_535, 0, 65_535]] {
            test.observe(scores);
        }
        match parameters(&preset) {
            Ok(_) => provable += 1,
            Err(error) => tell(&error),
        }
    }
    println!("{checked} presets are in range, {provable} of them provable");
    assert!(checked > 100 && provable > 50);
}

#[test]
fn bytes_that_are_no_documents_are_refused() {
    let deep = [b"[".repeat(1 << 20), b"]".repeat(1 << 20)].concat();
    let deep_object = b"{\"claim\":".repeat(1 << 16);
    let long_name = json!({"a".repeat(1 << 20): 1}).to_string().into_bytes();
    let control = b"{\"\\u001b[2J\\n\": 1}".to_vec();
    for text in [
        Vec::new(),
        b" ".to_vec(),
        b"\xff\xfe{".to_vec(),
        b"[\"\xff\"]".to_vec(),
        b"[".to_vec(),
        b"{}{}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        deep_object,
        long_name,
        control,
    ] {
        tell(&VerifyInput::parse(&text).unwrap_err());
        tell(&ProveInput::parse(&text).unwrap_err());
    }
    tell(&ProveInput::parse(&deep).unwrap_err());
    let OneOrMany::Many(entries) = VerifyInput::parse(&deep).unwrap() else {
        panic!("an array")
    };
    assert!(entries.iter().all(Result::is_err));
    assert!(matches!(
        VerifyInput::parse(&json!(Map::new()).to_string().into_bytes()),
        Err(error) if error.code() == "input.not-json"
    ));
}
