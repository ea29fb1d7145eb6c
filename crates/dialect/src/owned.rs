//! Values that only the account can read that made them: signatures of thoughts, sealed thoughts, sealed results of
//! searches, containers.
//!
//! Each dialect says where its requests, answers and events have such values, and what becomes of a request without one.
//! Whose a value is, is for the caller to know.

use crate::scan::{ScanError, Scanner};
use memchr::memmem::Finder;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::ops::Range;
use switchtower_domain::Notice;

/// Deeper than this no message nests that was scanned before.
const DEPTH_MAX: usize = 128;

/// A path from the outermost object; `*` is each element of a list.
pub(crate) type Path = &'static [&'static str];

/// Where a dialect has such values.
#[derive(Debug)]
pub struct Owned {
    /// Where requests give them back.
    pub(crate) requests: &'static [Place],
    /// Where answers and events tell them.
    pub(crate) answers: &'static [Path],
    /// Texts without one of which no answer and no event has any.
    pub(crate) signs: &'static [&'static str],
    /// Where events may tell a value in pieces.
    pub(crate) pieces: Option<Pieces>,
    /// Makes a request whole again from which such values were left out.
    pub(crate) mend: fn(&mut Map<String, Value>, &mut Vec<Notice>),
    /// Where requests name what an account keeps, and that nobody else hands out: files and the like.
    pub(crate) files: &'static [Path],
    /// What the vendor's errors say of values that it did not make, in lower case.
    pub(crate) complaints: &'static [&'static str],
}

/// Values in pieces.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// The field of an event that numbers the block which a piece belongs to.
    pub(crate) block: &'static str,
    /// Where a piece stands, as [`Found::path`] writes it.
    pub(crate) paths: &'static [&'static str],
}

/// Where a request has such a value.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) path: Path,
    pub(crate) without: Without,
}

/// What a request is without the value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Without {
    /// The element goes that the value is in, of the nearest list around it, or of one so many lists further out. What
    /// is of this type cannot go, since it stands for all that was said before.
    Element { outward: usize, never: Option<&'static str> },
    /// The value goes alone.
    Member,
    /// The value goes, and, beside a field of that name, this word stands for one.
    Word { beside: &'static str, word: &'static str },
}

/// The element of the nearest list goes.
pub(crate) const ELEMENT: Without = Without::Element { outward: 0, never: None };

/// Whose a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belongs {
    /// Nothing says so; it stays as it is.
    Unsaid,
    /// Here: what it is without what says so.
    Here(String),
    /// To another account.
    Elsewhere,
}

/// A value that a request makes no sense without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inseparable {
    /// Where it stands.
    pub path: String,
}

/// A value in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it stands, for people.
    pub path: String,
    /// Where its bytes stand, without quotes.
    pub place: Range<usize>,
}

impl Owned {
    /// Nothing.
    pub(crate) const NONE: Self =
        Self { requests: &[], answers: &[], signs: &[], pieces: None, mend: |_, _| {}, files: &[], complaints: &[] };

    /// Whether a field of a request may be such a value, by its name.
    pub fn is_named(&self, name: &[u8]) -> bool {
        self.requests.iter().filter_map(|place| place.path.last()).any(|last| last.as_bytes() == name)
    }

    /// Searches for the words without one of which no answer has any, for [`Self::of_answer`].
    pub fn signs(&self) -> Vec<Finder<'static>> {
        self.signs.iter().map(|sign| Finder::new(*sign)).collect()
    }

    /// The values in a whole answer or in the data of an event. Most events cost a search for a few words.
    pub fn of_answer(&self, data: &[u8], signs: &[Finder<'_>]) -> Vec<Found> {
        let told = signs.iter().any(|sign| sign.find(data).is_some());
        if told { find(data, self.answers.iter().copied()) } else { Vec::new() }
    }

    /// The number of the block of which an event may tell a piece.
    pub fn block_of(&self, data: &[u8], found: &[Found]) -> Option<u64> {
        let Pieces { block, paths } = self.pieces.as_ref()?;
        if !found.iter().all(|found| paths.contains(&found.path.as_str())) {
            return None;
        }
        let fields = crate::scan::fields_of(data).ok()?;
        let field = fields.iter().find(|field| field.key == block.as_bytes())?;
        std::str::from_utf8(field.value).ok()?.parse().ok()
    }

    /// What a request refers to that an account keeps.
    pub fn files_of(&self, body: &[u8]) -> Vec<Found> {
        find(body, self.files.iter().copied())
    }

    /// Where a request gives such values back.
    pub fn of_request(&self, body: &[u8]) -> Vec<Found> {
        find(body, self.requests.iter().map(|place| place.path))
    }

    /// Whether a vendor's words say that a value is not one of its own.
    pub fn is_complaint(&self, message: &str) -> bool {
        let message = message.to_ascii_lowercase();
        self.complaints.iter().any(|complaint| message.contains(complaint))
    }

    /// Leaves out of a request what belongs elsewhere, with a notice for each, and frees what belongs here of what says
    /// so. What the rest lacks then is mended for the dialect's own vendors where `mends`.
    ///
    /// # Errors
    /// [`Inseparable`] where something cannot be left out.
    pub fn leave_out(
        &self,
        body: &mut Map<String, Value>,
        mends: bool,
        whose: &dyn Fn(&str) -> Belongs,
    ) -> Result<Vec<Notice>, Inseparable> {
        let active: Vec<&Place> = self.requests.iter().collect();
        let mut leaving = Leaving { whose, notices: Vec::new(), mends, calls: Vec::new() };
        let mut path = String::new();
        leaving.object(body, &active, 0, &mut path)?;
        let Leaving { mut notices, calls, .. } = leaving;
        if !calls.is_empty() {
            body.values_mut().for_each(|value| drop_calls(value, &calls));
        }
        if mends && !notices.is_empty() {
            (self.mend)(body, &mut notices);
        }
        Ok(notices)
    }

    /// Makes a request whole that was written without thoughts of its model; says whether something had to go for that.
    pub fn mend(&self, body: &mut Map<String, Value>) -> bool {
        let mut notices = Vec::new();
        (self.mend)(body, &mut notices);
        !notices.is_empty()
    }
}

/// What becomes of the surroundings of a value.
enum Fate {
    Stays,
    /// The element goes, of the nearest list or of one so many lists further out.
    Goes(usize),
}

struct Leaving<'a> {
    whose: &'a dyn Fn(&str) -> Belongs,
    notices: Vec<Notice>,
    mends: bool,
    /// Calls of tools that the vendor runs, whose results went.
    calls: Vec<Value>,
}

const REASON: &str = "only the account that made it can read it, and that is another one";

impl Leaving<'_> {
    fn object(
        &mut self,
        map: &mut Map<String, Value>,
        active: &[&Place],
        depth: usize,
        path: &mut String,
    ) -> Result<Fate, Inseparable> {
        let kind = map.get("type").and_then(Value::as_str).map(str::to_owned);
        let mut gone = Vec::new();
        let mut words = Vec::new();
        for (name, value) in map.iter_mut() {
            let inner: Vec<&Place> =
                active.iter().copied().filter(|place| place.path.get(depth) == Some(&name.as_str())).collect();
            if inner.is_empty() {
                continue;
            }
            let length = path.len();
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
            if let Value::String(text) = value {
                let place = inner.iter().find(|place| place.path.len() == depth + 1);
                match (place, place.map(|_| (self.whose)(text))) {
                    (Some(_), Some(Belongs::Here(own))) => *text = own,
                    (Some(place), Some(Belongs::Elsewhere)) => match place.without {
                        Without::Element { never: Some(never), .. } if kind.as_deref() == Some(never) => {
                            return Err(Inseparable { path: path.clone() });
                        }
                        Without::Element { outward, .. } => {
                            path.truncate(length);
                            return Ok(Fate::Goes(outward));
                        }
                        Without::Member => {
                            self.notices.push(Notice::meaning(path.clone(), REASON));
                            gone.push(name.clone());
                        }
                        Without::Word { beside, word } => {
                            self.notices.push(Notice::meaning(path.clone(), REASON));
                            words.push((name.clone(), beside, word));
                        }
                    },
                    _ => {}
                }
            } else {
                let fate = match value {
                    Value::Object(map) => self.object(map, &inner, depth + 1, path)?,
                    Value::Array(list) => {
                        let was_empty = list.is_empty();
                        let fate = self.list(list, &inner, depth + 1, path)?;
                        match (list.is_empty() && !was_empty, name.as_str()) {
                            // Nothing is left of what was said.
                            (true, "content" | "parts") => Fate::Goes(0),
                            (true, _) => {
                                gone.push(name.clone());
                                fate
                            }
                            (false, _) => fate,
                        }
                    }
                    _ => Fate::Stays,
                };
                if let Fate::Goes(_) = fate {
                    path.truncate(length);
                    return Ok(fate);
                }
            }
            path.truncate(length);
        }
        for name in gone {
            map.shift_remove(&name);
        }
        for (name, beside, word) in words {
            // Where the request is written anew, the encoder finds the word.
            if self.mends && map.contains_key(beside) {
                map.insert(name, Value::from(word));
            } else {
                map.shift_remove(&name);
            }
        }
        Ok(Fate::Stays)
    }

    fn list(
        &mut self,
        list: &mut Vec<Value>,
        active: &[&Place],
        depth: usize,
        path: &mut String,
    ) -> Result<Fate, Inseparable> {
        let inner: Vec<&Place> = active.iter().copied().filter(|place| place.path.get(depth) == Some(&"*")).collect();
        if inner.is_empty() {
            return Ok(Fate::Stays);
        }
        let length = path.len();
        let mut kept = Vec::with_capacity(list.len());
        let mut outward = None;
        for (index, mut element) in std::mem::take(list).into_iter().enumerate() {
            let _ = write!(path, "[{index}]");
            let before = self.notices.len();
            let fate = match &mut element {
                Value::Object(map) => self.object(map, &inner, depth + 1, path)?,
                Value::Array(list) => self.list(list, &inner, depth + 1, path)?,
                _ => Fate::Stays,
            };
            match fate {
                // A part of which nothing is left says nothing.
                Fate::Stays if says_nothing(&element) && self.notices.len() > before => {}
                Fate::Stays => kept.push(element),
                Fate::Goes(0) => {
                    if self.notices.len() == before {
                        self.notices.push(Notice::meaning(path.clone(), REASON));
                    }
                    self.calls.extend(element.get("tool_use_id").cloned());
                }
                Fate::Goes(further) => outward = Some(further - 1),
            }
            path.truncate(length);
        }
        *list = kept;
        Ok(outward.map_or(Fate::Stays, Fate::Goes))
    }
}

fn says_nothing(element: &Value) -> bool {
    let Value::Object(map) = element else { return false };
    map.iter().all(|(name, value)| name == "text" && value.as_str() == Some(""))
}

/// Takes calls out of every list, by their ids.
fn drop_calls(value: &mut Value, ids: &[Value]) {
    match value {
        Value::Array(list) => {
            list.retain(|element| !element.get("id").is_some_and(|id| ids.contains(id)));
            list.iter_mut().for_each(|element| drop_calls(element, ids));
        }
        Value::Object(map) => map.get_mut("content").into_iter().for_each(|content| drop_calls(content, ids)),
        _ => {}
    }
}

/// The texts at the ends of paths that are not empty.
fn find(body: &[u8], paths: impl Iterator<Item = Path>) -> Vec<Found> {
    let active: Vec<Path> = paths.collect();
    let mut finding = Finding { scanner: Scanner::new(body, DEPTH_MAX), found: Vec::new(), path: String::new() };
    finding.scanner.space();
    // What is no JSON has nothing that could be found.
    if active.is_empty() || finding.object(&active, 0).is_err() { Vec::new() } else { finding.found }
}

struct Finding<'a> {
    scanner: Scanner<'a>,
    found: Vec<Found>,
    path: String,
}

impl Finding<'_> {
    fn value(&mut self, active: &[Path], depth: usize) -> Result<(), ScanError> {
        match self.scanner.peek() {
            Some(b'{') => self.object(active, depth),
            Some(b'[') => self.list(active, depth),
            Some(b'"') => {
                let start = self.scanner.at() + 1;
                self.scanner.string()?;
                let place = start..self.scanner.at().saturating_sub(1);
                if !place.is_empty() && active.iter().any(|path| path.len() == depth) {
                    self.found.push(Found { path: self.path.clone(), place });
                }
                Ok(())
            }
            _ => self.scanner.value(depth + 1).map(|_| ()),
        }
    }

    fn object(&mut self, active: &[Path], depth: usize) -> Result<(), ScanError> {
        self.scanner.enter(depth + 1)?;
        self.scanner.space();
        if self.scanner.skip(b'}') {
            return Ok(());
        }
        loop {
            self.scanner.quote()?;
            let key = self.scanner.key()?;
            self.scanner.colon()?;
            let inner: Vec<Path> = active
                .iter()
                .copied()
                .filter(|path| path.get(depth).is_some_and(|name| name.as_bytes() == &*key))
                .collect();
            if inner.is_empty() {
                self.scanner.value(depth + 2)?;
            } else {
                let length = self.path.len();
                if length > 0 {
                    self.path.push('.');
                }
                self.path.push_str(&String::from_utf8_lossy(&key));
                self.value(&inner, depth + 1)?;
                self.path.truncate(length);
            }
            if !self.scanner.more(b'}', "a comma or the end of an object")? {
                return Ok(());
            }
        }
    }

    fn list(&mut self, active: &[Path], depth: usize) -> Result<(), ScanError> {
        self.scanner.enter(depth + 1)?;
        self.scanner.space();
        if self.scanner.skip(b']') {
            return Ok(());
        }
        let inner: Vec<Path> = active.iter().copied().filter(|path| path.get(depth) == Some(&"*")).collect();
        for index in 0_usize.. {
            let length = self.path.len();
            let _ = write!(self.path, "[{index}]");
            self.value(&inner, depth + 1)?;
            self.path.truncate(length);
            if !self.scanner.more(b']', "a comma or the end of a list")? {
                break;
            }
        }
        Ok(())
    }
}
