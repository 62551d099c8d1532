//! Code lists: genericode 1.0 (OASIS), as the XRepository publishes them, and CSV.

use crate::encoding;
use crate::ffi::{Doc, Node};
use crate::place;
use rohrpost_model::Fault;
use std::collections::{BTreeMap, HashMap};

/// A list with few codes is named whole where a code is unknown.
const FEW: usize = 8;

/// The code lists of a mapping by the name that it gives them.
#[derive(Debug, Default)]
pub(crate) struct Lists(BTreeMap<String, CodeList>);

impl Lists {
    pub(crate) fn insert(&mut self, list: CodeList) {
        self.0.insert(list.name.clone(), list);
    }

    /// What they are called.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> + Clone {
        self.0.keys()
    }

    /// The list of this name, or what is wrong with it.
    pub(crate) fn get(&self, name: &str) -> Result<&CodeList, String> {
        self.0.get(name).ok_or_else(|| match self.0.keys().cloned().collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => format!("the mapping has no code list `{name}`: it has no [lists]"),
            known => format!("the mapping has no code list `{name}`; it has: {known}"),
        })
    }
}

/// A code list.
#[derive(Debug)]
pub(crate) struct CodeList {
    name: String,
    columns: Vec<String>,
    value: usize,
    rows: HashMap<String, Vec<Option<String>>>,
}

impl CodeList {
    /// Reads the file of a list. `key` and `value` name the columns where the file's own order does not fit: the key is
    /// otherwise the file's first key (CSV: the first column), the value the first column that is not the key.
    pub(crate) fn read(name: &str, path: &str, bytes: &[u8], asked: Asked<'_>) -> Result<Self, Vec<Fault>> {
        let text = encoding::decode(bytes);
        let text = text.map_err(|bad| vec![Fault::at(path, bad.line, bad.column, bad.message)])?;
        let table = if is_csv(path) { csv(path, &text)? } else { genericode(path, &text)? };
        Self::of(name, path, table, asked)
    }

    fn of(name: &str, path: &str, table: Table, asked: Asked<'_>) -> Result<Self, Vec<Fault>> {
        let column = |wanted: Option<&str>, otherwise: usize| match wanted {
            Some(wanted) => table.columns.iter().position(|column| column == wanted).ok_or_else(|| {
                let hint = format!("it has: {}", table.columns.join(", "));
                vec![Fault::of_file(path, format!("the code list has no column `{wanted}`")).hint(hint)]
            }),
            None => Ok(otherwise),
        };
        let key = column(asked.key, table.key)?;
        let value = column(asked.value, (0..table.columns.len()).find(|index| *index != key).unwrap_or(key))?;
        let mut rows = HashMap::with_capacity(table.rows.len());
        let mut faults = Vec::new();
        for (line, row) in table.rows {
            match row.get(key).cloned().flatten().filter(|code| !code.is_empty()) {
                None => faults.push(Fault::at(path, line, 1, "the row has no code in its key column")),
                Some(code) if rows.contains_key(&code) => faults.push(Fault::at(
                    path,
                    line,
                    1,
                    format!("the code '{code}' stands here a second time"),
                )),
                Some(code) => drop(rows.insert(code, row)),
            }
        }
        if faults.is_empty() {
            Ok(Self { name: name.to_owned(), columns: table.columns, value, rows })
        } else {
            Err(faults)
        }
    }

    /// What stands for a code, in the column of the values or in another.
    pub(crate) fn value(&self, code: &str, column: Option<&str>) -> Result<&str, String> {
        let row = self.rows.get(code).ok_or_else(|| self.unknown(code))?;
        let index = match column {
            None => self.value,
            Some(column) => self.columns.iter().position(|known| known == column).ok_or_else(|| {
                let known = self.columns.join(", ");
                format!("the code list `{}` has no column `{column}`; it has: {known}", self.name)
            })?,
        };
        Ok(row.get(index).and_then(Option::as_deref).unwrap_or_default())
    }

    fn unknown(&self, code: &str) -> String {
        let said = format!("the code list `{}` has no code '{code}'", self.name);
        let mut known: Vec<_> = self.rows.keys().map(String::as_str).collect();
        known.sort_unstable();
        if known.len() <= FEW {
            return format!("{said}; it has: {}", known.join(", "));
        }
        let near = |known: &&&str| strsim::damerau_levenshtein(code, known) <= 1;
        match known.iter().find(near) {
            Some(near) => format!("{said}; it has '{near}'"),
            None => said,
        }
    }
}

/// Columns that the mapping names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) key: Option<&'a str>,
    pub(crate) value: Option<&'a str>,
}

struct Table {
    columns: Vec<String>,
    key: usize,
    /// Each with its line.
    rows: Vec<(u32, Vec<Option<String>>)>,
}

fn is_csv(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("csv"))
}

/// The separator is what the first line has most of: semicolon, comma or tab.
fn csv(path: &str, text: &str) -> Result<Table, Vec<Fault>> {
    let head = text.lines().next().unwrap_or_default();
    let count = |separator: &u8| head.bytes().filter(|byte| byte == separator).count();
    let separator = [b',', b'\t', b';'].into_iter().max_by_key(count).unwrap_or(b';');
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(text.as_bytes());
    let line_of = |position: Option<&csv::Position>| {
        position.map_or(0, |at| place::number(usize::try_from(at.line()).unwrap_or(0)))
    };
    let fault = |error: csv::Error| {
        let line = line_of(error.position());
        vec![Fault::at(path, line, 1, format!("the row does not fit the first line: {error}"))]
    };
    let columns: Vec<String> =
        reader.headers().map_err(fault)?.iter().map(|name| name.trim().to_owned()).collect();
    if columns.iter().all(String::is_empty) {
        return Err(vec![Fault::of_file(
            path,
            "the code list has no first line with the names of its columns",
        )]);
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(fault)?;
        rows.push((
            line_of(record.position()),
            record.iter().map(|cell| Some(cell.trim().to_owned())).collect(),
        ));
    }
    Ok(Table { columns, key: 0, rows })
}

fn child<'d>(node: Node<'d>, name: &str) -> Option<Node<'d>> {
    node.elements().find(|child| child.name() == name)
}

fn genericode(path: &str, text: &str) -> Result<Table, Vec<Fault>> {
    let bad = |message: &str| {
        vec![Fault::of_file(path, message).hint("it is a gc:CodeList of genericode 1.0, or name a .csv file")]
    };
    let doc = Doc::parse(text, None).map_err(|_| bad("the code list is not well-formed"))?;
    let root =
        doc.root().filter(|root| root.name() == "CodeList").ok_or_else(|| bad("the file is no code list"))?;
    let set = child(root, "ColumnSet").ok_or_else(|| bad("the code list has no ColumnSet of its own"))?;
    let columns: Vec<String> = set
        .elements()
        .filter(|element| element.name() == "Column")
        .filter_map(|column| column.attribute("Id"))
        .collect();
    if columns.is_empty() {
        return Err(bad("the code list has no Column"));
    }
    let key =
        child(set, "Key").and_then(|key| child(key, "ColumnRef")).and_then(|column| column.attribute("Ref"));
    let key = key.and_then(|key| columns.iter().position(|column| *column == key)).unwrap_or(0);
    let rows = child(root, "SimpleCodeList").ok_or_else(|| bad("the code list has no SimpleCodeList"))?;
    let rows = rows
        .elements()
        .filter(|row| row.name() == "Row")
        .map(|row| (row.line(), cells(row, &columns)))
        .collect();
    Ok(Table { columns, key, rows })
}

/// The values of a row by column. One without a reference belongs to the column after that before it (genericode 1.0,
/// section 4.2.3).
fn cells(row: Node<'_>, columns: &[String]) -> Vec<Option<String>> {
    let mut cells = vec![None; columns.len()];
    let mut next = 0;
    for value in row.elements().filter(|value| value.name() == "Value") {
        let named = value.attribute("ColumnRef");
        let at = named.map_or(Some(next), |named| columns.iter().position(|column| *column == named));
        if let Some((at, cell)) = at.and_then(|at| Some((at, cells.get_mut(at)?))) {
            *cell = child(value, "SimpleValue").map(|value| value.text());
            next = at + 1;
        }
    }
    cells
}
