//! A short run of a target without a fuzzing engine: seeds, and changes of them.

use super::*;

/// Mutates the seeds for as long as the first argument says (seconds, 3 if none), from the second (a number, 1).
pub fn brief(name: &str, target: fn(&[u8])) {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse::<u64>().unwrap_or(1));
    let seconds = arguments.next().unwrap_or(3);
    let mut random = fastrand::Rng::with_seed(arguments.next().unwrap_or(1));
    let seeds = seeds();
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut runs = 0_u64;
    while Instant::now() < until {
        for seed in &seeds {
            let mut data = seed.clone();
            for _ in 0..random.usize(0..6) {
                mutate(&mut data, &seeds, &mut random);
            }
            target(&data);
            runs += 1;
        }
    }
    println!("{name}: {runs} runs");
}

fn seeds() -> Vec<Vec<u8>> {
    const OWN: [&str; 11] = [
        "day,Model,request_id,num_model_requests,input_tokens,Cost\n2026-11-21T10:00:00Z,m,,3,\"1,200\",$0.5\n1763712000,n,r,1.0,0,1e-3\n",
        "[sources]\ns1 = \"A\"\n\n[models.openai]\n\"gpt-5\" = { source = \"s1\", date = \"2026-01-02\", tools = true, input = { image = true, text = false }, context_tokens = 9 }\n",
        "[models.\"a b\".\"c\\n\"]\nsource = \"x\\u007f\"\ndate = \"2026-01-02\"\nserves = \"rerank\"\noutput_tokens_max = 7\n\n[models.d]\n",
        "PROXY TCP4 10.0.0.9 10.0.0.1 9 80\r\n",
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0cabcdefghijkl",
        "{}",
        "every 7 overloaded\n3 cut:after=2",
        "stall:after=1,slow_headers:ms=5",
        "data: {\"a\":1}\r\n\r\n: c\n\n",
        "{\"$ref\":\"#/$defs/A\",\"$defs\":{\"A\":{\"type\":\"object\",\"properties\":{\"b\":{\"minimum\":1}}}}}",
        "{\"index\":0,\"provider\":\"p\",\"response\":{\"status\":200,\"headers\":{},\"body_text\":\"x\"}}",
    ];
    let mut seeds: Vec<Vec<u8>> = OWN.iter().map(|text| text.as_bytes().to_vec()).collect();
    seeds.extend(of_ledger());
    seeds.extend(of_vault());
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/dialect/src");
    for own in ALL {
        for name in ["request.json", "answer.json", "stream.sse", "error.json"] {
            let path = crates.join(own.id().as_str()).join("fixtures").join(name);
            seeds.push(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
    for name in [Embeddings::NAME, Rerank::NAME, Completions::NAME, Moderations::NAME] {
        for file in ["request.json", "answer.json"] {
            let path = crates.join("services").join(name).join("fixtures").join(file);
            seeds.push(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
    seeds
}

/// Entries, as they are and between others, and a checkpoint as its specification has it (<https://c2sp.org/tlog-checkpoint>).
fn of_ledger() -> Vec<Vec<u8>> {
    const NOTE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    let counts = Counts { input: Some(9), service_tier: Some("flex".into()), ..Counts::default() };
    let attempt =
        Attempt { provider: "p".into(), usage: Some(counts.clone()), status: Some(200), ..Attempt::default() };
    let lost = Lost { path: "tools[*].strict".into(), class: "hint".into() };
    let closed = Closed { attempts: vec![attempt], usage: Some(counts), lost: vec![lost], ..Closed::default() };
    let told = Told { operation: "models".into(), ..Told::default() };
    let entries = [Entry { at_us: 1, body: closed.into() }, Entry { at_us: u64::MAX, body: told.into() }];
    let mut seeds: Vec<Vec<u8>> = entries.iter().map(Entry::to_bytes).collect();
    let mut journal = Vec::new();
    assert!(seeds.iter().all(|entry| frame::write(entry, &mut journal)));
    seeds.push(journal);
    seeds.push(NOTE.as_bytes().to_vec());
    seeds
}

/// A file of kept content, one of a key, a name and an order.
fn of_vault() -> Vec<Vec<u8>> {
    let sealed = [1; 40];
    let mut items = Vec::new();
    for (record, part) in [(7, Part::Request), (8, Part::Answer)] {
        let stored = Stored { record, request: RequestId([7; 16]), part, left_out: 3, sealed: &sealed };
        assert!(stored.write(&mut items));
    }
    const TEXTS: [&str; 5] = [
        "{\"version\":1,\"master\":\"5a09248bef49e6ee\",\"wrapped\":\"TL+xr37T\"}\n",
        "1798588800-d2ef70c5",
        "shred default\n",
        "expire 1798588800\n",
        "show 01a22e11-30fe-7d37-893e-afd8002f8945 default 2\n",
    ];
    TEXTS.iter().map(|text| text.as_bytes().to_vec()).chain([items]).collect()
}

/// Bytes are flipped, cut out, doubled and mixed; JSON is also changed value by value, so that it stays JSON.
fn mutate(data: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut fastrand::Rng) {
    if data.is_empty() {
        data.push(random.u8(..));
    }
    let at = random.usize(0..data.len());
    let to = random.usize(at..data.len()).min(at + 64);
    match random.usize(0..9) {
        0 => data[at] = random.u8(..),
        1 => data[at] ^= 1 << random.u8(0..8),
        2 => drop(data.drain(at..to)),
        3 => {
            let piece = data[at..to].to_vec();
            data.splice(at..at, piece);
        }
        4 => {
            let other = &seeds[random.usize(0..seeds.len())];
            let from = random.usize(0..other.len());
            let piece = other[from..(from + 48).min(other.len())].to_vec();
            data.splice(at..at, piece);
        }
        5 => data.truncate(at),
        _ => mutate_json(data, random),
    }
}

fn mutate_json(data: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let Ok(mut value) = serde_json::from_slice::<Value>(data) else { return };
    let mut pointers = Vec::new();
    collect(&value, String::new(), &mut pointers);
    let pointer = &pointers[random.usize(0..pointers.len())];
    let values = [
        Value::Null,
        Value::from(""),
        Value::from("word"),
        Value::from(7),
        Value::from(true),
        Value::Array(Vec::new()),
        serde_json::json!({}),
        serde_json::json!({"type": "unheard_of"}),
    ];
    if let Some(found) = value.pointer_mut(pointer) {
        *found = values[random.usize(0..values.len())].clone();
    }
    *data = value.to_string().into_bytes();
}

fn collect(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{at}/{index}"), all);
            }
        }
        _ => {}
    }
    all.push(at);
}
