//! `pot-halo2`: one JSON document in, one JSON document and an exit code out.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, panic};

use pot_halo2::circuits::Circuit;
use pot_halo2::description::Description;
use pot_halo2::documents::{ProveInput, ProveOutput, VerifyInput};
use pot_halo2::error::{Error, ErrorKind};
use pot_halo2::keys::VerifierKeys;
use pot_halo2::proof::{prove, verify};
use serde_json::{json, Value};

const HELP: &str = "\
pot-halo2: prove the decision of rule eb/1 without its scores

usage: pot-halo2 prove    < run.json   > proof.json
       pot-halo2 verify   < proof.json > result.json
       pot-halo2 keys     [--circuit ID] [--out FOLDER]
       pot-halo2 describe

prove     reads    {\"preset\": {\"name\", \"alpha\", \"gamma\", \"eta\", \"delta\", \"epsilon\",
                     \"n_min\", \"n_max\"}, \"attempt\", \"scores\": [[x, x, x, x], ...],
                     \"salt\": 16 bytes in hex, \"run_digest\": 32 bytes in hex}
                   rationals are [numerator, denominator]; \"circuit\" may name the circuit
          writes   {\"circuit\", \"decision\", \"reason\", \"n\", \"score_commitment\",
                     \"preset_digest\", \"run_digest\", \"public_inputs\", \"proof\"}
verify    reads    {\"circuit\", \"proof\", and either
                     \"claim\": {\"preset\", \"attempt\", \"decision\", \"reason\", \"n\",
                               \"score_commitment\", \"run_digest\"}, or
                     \"public_inputs\": 24 field elements that the caller has computed}
          writes   {\"circuit\", \"verified\": true}
keys      writes   the text of a verifying key, or every one into a folder as ID.vk.txt
describe  writes   the circuits, their sizes and keys, and the order of the public inputs

A failure writes {\"error\": {\"code\", \"message\"}}. Progress goes to standard error.
Public parameters are made from a public string once, and kept in the user's cache folder.

A proof shows that scores which open the commitment give this decision at this challenge, and no
earlier one. It does not show where the scores come from.

exit codes: 0 done; 1 the proof was rejected; 2 the input cannot be used; 70 a fault of pot-halo2
";

const INPUT_BYTES_MAX: u64 = 1 << 22;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = panic::catch_unwind(|| run(&arguments))
        .unwrap_or_else(|_| Err(Error::bug("program.panicked", "this should not happen")));
    match result {
        Ok(output) => match io::stdout().write_all(output.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(70),
        },
        Err(error) => {
            eprintln!("pot-halo2: {error}");
            let message = json!({"error": {"code": error.code(), "message": error.to_string()}});
            println!("{message}");
            match error.kind() {
                ErrorKind::Rejected => ExitCode::from(1),
                ErrorKind::Input => ExitCode::from(2),
                ErrorKind::Bug => ExitCode::from(70),
            }
        }
    }
}

fn run(arguments: &[String]) -> Result<String, Error> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["prove"] => prove_command(&read_input()?),
        ["verify"] => verify_command(&read_input()?),
        ["keys", options @ ..] => keys_command(options),
        ["describe"] => to_line(&serde_json::to_value(Description::current())),
        ["--help" | "-h" | "help"] => Ok(HELP.to_owned()),
        ["--version"] => Ok(concat!("pot-halo2 ", env!("CARGO_PKG_VERSION"), "\n").to_owned()),
        _ => Err(usage()),
    }
}

fn prove_command(input: &[u8]) -> Result<String, Error> {
    let provable = ProveInput::parse(input)?.prepare()?;
    eprintln!("making the keys of {}", provable.circuit.id());
    let keys = VerifierKeys::generate(provable.circuit)?;
    eprintln!("proving {} challenges", provable.claim.n);
    let proof = prove(&keys, provable.clone())?;
    to_line(&serde_json::to_value(ProveOutput::new(&provable, &proof)))
}

fn verify_command(input: &[u8]) -> Result<String, Error> {
    let verifiable = VerifyInput::parse(input)?;
    let circuit = verifiable.circuit;
    eprintln!("making the verifying key of {}", circuit.id());
    let keys = VerifierKeys::generate(circuit)?;
    verify(&keys, &verifiable.instance, &verifiable.proof)?;
    to_line(&Ok(json!({"circuit": circuit.id(), "verified": true})))
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
        let text = VerifierKeys::generate(circuit)?.text();
        match folder {
            None => output.push_str(&text),
            Some(folder) => {
                let path = PathBuf::from(folder).join(format!("{}.vk.txt", circuit.id()));
                fs::write(&path, text).map_err(|error| {
                    let message = format!("{}: {error}", path.display());
                    Error::input("output.not-written", message)
                })?;
                eprintln!("{}", path.display());
            }
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
            "the input is longer than 4 MiB",
        ));
    }
    Ok(input)
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
