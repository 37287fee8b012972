//! `pot-halo2`: one JSON document in, one JSON document and an exit code out.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, panic};

use pot_halo2::circuits::Circuit;
use pot_halo2::description::Description;
use pot_halo2::documents::{OneOrMany, Verifiable, VerifyInput};
use pot_halo2::error::{Error, ErrorKind};
use pot_halo2::keys::{note, VerifierKeys};
use pot_halo2::proof::prove;
use pot_halo2::prove_documents::{ProveInput, ProveOutput};
use pot_halo2::verification::{verify, verify_all};
use serde_json::{json, Value};

const HELP: &str = "\
pot-halo2: prove the decision of rule eb/1 without its scores

usage: pot-halo2 prove    < run.json   > proof.json
       pot-halo2 verify   < proof.json > result.json
       pot-halo2 keys     [--circuit ID] [--out FOLDER]
       pot-halo2 describe

prove     reads    {\"preset\": {\"name\", \"alpha\", \"gamma\", \"eta\", \"delta\", \"epsilon\",
                     \"n_min\", \"n_max\"}, \"attempt\", \"scores\": [[x, x, x, x], ...],
                     \"salts\": 16 bytes in hex for each challenge (version 2),
                     \"run_digest\": 32 bytes in hex}
                   rationals are [numerator, denominator]; \"circuit\" may name the circuit;
                   \"salt\", one alone, in place of \"salts\" makes a proof of version 1
          writes   {\"circuit\", \"decision\", \"reason\", \"n\", \"score_commitment\",
                     \"preset_digest\", \"run_digest\", \"public_inputs\", \"proof\", and in
                     version 2 \"challenge_commitments\", \"score_sum\", \"square_sum\"}
verify    reads    {\"circuit\", \"proof\", and either
                     \"claim\": {\"preset\", \"attempt\", \"decision\", \"reason\", \"n\",
                               \"score_commitment\", \"run_digest\", and in version 2
                               \"score_sum\", \"square_sum\"}, or
                     \"public_inputs\": 24 or 26 field elements that the caller has computed}
          writes   {\"circuit\", \"verified\": true}
          or reads an array of such documents, verifies all of them together, and writes
                   {\"findings\": [...]}, each {\"circuit\", \"verified\": true} or {\"circuit\",
                   \"verified\": false, \"error\": {\"code\", \"message\"}}; exit code 1 if one is
                   not verified; the circuit of an entry that is no claim is null
keys      writes   the text of a verifying key, or every one into a folder as ID.vk.txt, with the
                   commitments to its public inputs as ID.bases.txt
describe  writes   the circuits, their sizes and keys, and the order of the public inputs

A failure writes {\"error\": {\"code\", \"message\"}}. Progress goes to standard error.
Public parameters are made from a public string once, and kept in the user's cache folder.

A proof shows that scores which open the commitment give this decision at this challenge, and no
earlier one. It does not show where the scores come from.

exit codes: 0 done; 1 the proof was rejected; 2 the input cannot be used; 70 a fault of pot-halo2
";

const INPUT_BYTES_MAX: u64 = 1 << 24;
const EXIT_UNUSABLE: u8 = 2;

/// What is written to standard output, and whether it says that all is well.
struct Answer {
    text: String,
    holds: bool,
}

fn main() -> ExitCode {
    let arguments: Option<Vec<String>> = env::args_os()
        .skip(1)
        .map(|argument| argument.into_string().ok())
        .collect();
    let result = panic::catch_unwind(|| run(&arguments.ok_or_else(usage)?))
        .unwrap_or_else(|_| Err(Error::bug("program.panicked", "this should not happen")));
    let (text, exit) = match result {
        Ok(answer) => (answer.text, u8::from(!answer.holds)),
        Err(error) => {
            note(&format!("pot-halo2: {error}"));
            let exit = match error.kind() {
                ErrorKind::Rejected => 1,
                ErrorKind::Input => EXIT_UNUSABLE,
                ErrorKind::Bug => 70,
            };
            (
                format!("{}\n", json!({"error": error_document(&error)})),
                exit,
            )
        }
    };
    let written = io::stdout()
        .write_all(text.as_bytes())
        .and_then(|()| io::stdout().flush());
    ExitCode::from(match written {
        // Nobody listens any more: what was found stands nevertheless.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(error) => {
            note(&format!("pot-halo2: the answer was not written: {error}"));
            exit.max(EXIT_UNUSABLE)
        }
        Ok(()) => exit,
    })
}

fn run(arguments: &[String]) -> Result<Answer, Error> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = |text| Answer { text, holds: true };
    match words.as_slice() {
        ["verify"] => match VerifyInput::parse(&read_input()?)? {
            OneOrMany::One(input) => verify_command(&input).map(done),
            OneOrMany::Many(inputs) => verify_all_command(&inputs),
        },
        words => run_for_output(words).map(done),
    }
}

fn run_for_output(words: &[&str]) -> Result<String, Error> {
    match words {
        ["prove"] => prove_command(&read_input()?),
        ["keys", options @ ..] => keys_command(options),
        ["describe"] => to_line(&serde_json::to_value(Description::current())),
        ["--help" | "-h" | "help"] => Ok(HELP.to_owned()),
        ["--version"] => Ok(concat!("pot-halo2 ", env!("CARGO_PKG_VERSION"), "\n").to_owned()),
        _ => Err(usage()),
    }
}

fn prove_command(input: &[u8]) -> Result<String, Error> {
    let provable = ProveInput::parse(input)?.prepare()?;
    note(&format!("making the keys of {}", provable.circuit.id()));
    let keys = VerifierKeys::generate(provable.circuit)?;
    note(&format!("proving {} challenges", provable.claim.n));
    let proof = prove(&keys, provable.clone())?;
    to_line(&serde_json::to_value(ProveOutput::new(&provable, &proof)))
}

fn verify_command(input: &VerifyInput) -> Result<String, Error> {
    let verifiable = input.prepare()?;
    let circuit = verifiable.circuit;
    note(&format!("making the verifying key of {}", circuit.id()));
    let keys = VerifierKeys::generate(circuit)?;
    verify(&keys, &verifiable.instance, &verifiable.proof)?;
    to_line(&Ok(json!({"circuit": circuit.id(), "verified": true})))
}

fn verify_all_command(inputs: &[Result<VerifyInput, Error>]) -> Result<Answer, Error> {
    let prepared: Vec<Result<Verifiable, Error>> = inputs
        .iter()
        .map(|input| input.as_ref().map_err(Error::clone)?.prepare())
        .collect();
    let mut findings: Vec<Result<(), Error>> = prepared
        .iter()
        .map(|one| one.as_ref().map(|_| ()).map_err(Error::clone))
        .collect();
    for circuit in Circuit::ALL {
        let (indices, claims): (Vec<usize>, Vec<_>) = prepared
            .iter()
            .enumerate()
            .filter_map(|(index, one)| Some((index, one.as_ref().ok()?)))
            .filter(|(_, one)| one.circuit == circuit)
            .map(|(index, one)| (index, (&one.instance, one.proof.as_slice())))
            .unzip();
        if claims.is_empty() {
            continue;
        }
        note(&format!("making the verifying key of {}", circuit.id()));
        let keys = VerifierKeys::generate(circuit)?;
        for (index, finding) in indices.into_iter().zip(verify_all(&keys, &claims)) {
            findings[index] = finding;
        }
    }
    let holds = findings.iter().all(Result::is_ok);
    let entries = inputs
        .iter()
        .zip(findings)
        .map(|(input, finding)| {
            let circuit = input.as_ref().ok().map(VerifyInput::circuit);
            match finding {
                Ok(()) => Ok(json!({"circuit": circuit, "verified": true})),
                Err(error) if error.kind() == ErrorKind::Bug => Err(error),
                Err(error) => Ok(json!({
                    "circuit": circuit,
                    "verified": false,
                    "error": error_document(&error),
                })),
            }
        })
        .collect::<Result<Value, Error>>()?;
    to_line(&Ok(json!({"findings": entries}))).map(|text| Answer { text, holds })
}

fn keys_command(options: &[&str]) -> Result<String, Error> {
    let (circuits, folder) = match *options {
        ["--circuit", id] => (vec![Circuit::by_id(id)?], None),
        ["--out", folder] => (Circuit::ALL.to_vec(), Some(folder)),
        ["--circuit", id, "--out", folder] | ["--out", folder, "--circuit", id] => {
            (vec![Circuit::by_id(id)?], Some(folder))
        }
        _ => return Err(usage()),
    };
    let mut output = String::new();
    for circuit in circuits {
        let keys = VerifierKeys::generate(circuit)?;
        let Some(folder) = folder else {
            output.push_str(&keys.text());
            continue;
        };
        for (kind, text) in [("vk", keys.text()), ("bases", keys.instance_bases_text())] {
            let path = PathBuf::from(folder).join(format!("{}.{kind}.txt", circuit.id()));
            fs::write(&path, text).map_err(|error| {
                let message = format!("{}: {error}", path.display());
                Error::input("output.not-written", message)
            })?;
            note(&format!("{}", path.display()));
        }
    }
    Ok(output)
}

fn read_input() -> Result<Vec<u8>, Error> {
    let mut input = Vec::new();
    io::stdin()
        .take(INPUT_BYTES_MAX + 1)
        .read_to_end(&mut input)
        .map_err(|error| Error::input("input.not-read", error.to_string()))?;
    if input.len() as u64 > INPUT_BYTES_MAX {
        return Err(Error::input(
            "input.too-long",
            "the input is longer than 16 MiB",
        ));
    }
    Ok(input)
}

fn error_document(error: &Error) -> Value {
    json!({"code": error.code(), "message": error.message()})
}

fn to_line(value: &Result<Value, serde_json::Error>) -> Result<String, Error> {
    match value {
        Ok(value) => Ok(format!("{value}\n")),
        Err(error) => Err(Error::bug("output.not-json", error.to_string())),
    }
}

fn usage() -> Error {
    Error::input("usage", "unknown command or option; see pot-halo2 --help")
}
