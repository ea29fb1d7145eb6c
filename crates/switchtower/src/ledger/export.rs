//! Everything on record, in files for other programs.

use super::table::{Cell, Column, Holds, columns, row};
use crate::cost::tell_beginning;
use anyhow::Result;
use clap::ValueEnum;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type as Schema;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use switchtower_ledger::Entries;
use switchtower_ledger::journal::disk::Disk;
use switchtower_ledger::journal::segment;
use switchtower_portfolio::{Span, Spending, focus};

/// How many rows of Parquet are held before they are written.
const ROWS_HELD: usize = 20_000;

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A JSON object for each entry, one a line
    Jsonl,
    /// Comma-separated values: a row for each entry, a column for each field of any of them
    Csv,
    /// The same columns in Apache Parquet
    Parquet,
    /// What was charged for, by the hour, in the columns of FOCUS 1.2, as comma-separated values
    Focus,
}

/// Writes all entries from one on.
///
/// # Errors
/// Those of the ledger and of the output.
pub(super) fn export(disk: &dyn Disk, format: Format, from: u64, out: &mut (dyn Write + Send)) -> Result<()> {
    let mut out = BufWriter::new(out);
    if format != Format::Focus {
        tell_pruned(disk, from)?;
    }
    let mut entries = Entries::from(disk, from);
    match format {
        Format::Jsonl => {
            while let Some((record, entry)) = entries.read()? {
                serde_json::to_writer(&mut out, &entry.to_json(record))?;
                out.write_all(b"\n")?;
            }
        }
        Format::Csv => {
            let columns = columns();
            let mut csv = csv::Writer::from_writer(&mut out);
            csv.write_record(columns.iter().map(|column| &column.name))?;
            while let Some((record, entry)) = entries.read()? {
                csv.write_record(row(&columns, record, &entry)?.iter().map(Cell::of_csv))?;
            }
            csv.flush()?;
        }
        Format::Parquet => {
            let mut table = Table::new(&mut out)?;
            while let Some((record, entry)) = entries.read()? {
                table.add(row(&table.columns, record, &entry)?)?;
            }
            table.end()?;
        }
        Format::Focus => {
            let mut export = focus::Export::default();
            // The beginnings of calls that end from there on may stand before it.
            let mut spending = Spending::new(Entries::from(disk, 0), Span::default()).since(from);
            for spent in &mut spending {
                let spent = spent?;
                if export.add(&spent).is_err() {
                    tell_overflow(spent.record);
                }
            }
            tell_beginning(&spending);
            let left_out = export.write(&mut out)?;
            left_out.overflowed.into_iter().for_each(tell_overflow);
            if left_out.unknown > 0 {
                tracing::warn!(
                    attempts = left_out.unknown,
                    "their cost is unknown and not in the export, which has no word for that; see 'switchtower cost'"
                );
            }
        }
    }
    Ok(out.flush()?)
}

/// Says where the entries begin, if that is not where they were wanted from.
fn tell_pruned(disk: &dyn Disk, from: u64) -> Result<()> {
    let there = segment::list(disk)?.into_iter().find(|found| found.records);
    if let Some(first) = there.map(|found| found.first).filter(|first| *first > from) {
        tracing::warn!("records before {first} were pruned; the export begins there");
    }
    Ok(())
}

fn tell_overflow(record: u64) {
    tracing::warn!(record, "what it counts is more than an amount can be; its row is not in the export");
}

/// A table on its way into a file.
struct Table<W: Write + Send> {
    columns: Vec<Column>,
    writer: SerializedFileWriter<W>,
    held: Vec<Vec<Cell>>,
}

impl<W: Write + Send> Table<W> {
    fn new(out: W) -> Result<Self, ParquetError> {
        let columns = columns();
        let fields = columns.iter().map(|column| schema(column).map(Arc::new)).collect::<Result<_, _>>()?;
        let schema = Schema::group_type_builder("entries").with_fields(fields).build()?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        Ok(Self { columns, writer, held: Vec::new() })
    }

    fn add(&mut self, row: Vec<Cell>) -> Result<(), ParquetError> {
        self.held.push(row);
        if self.held.len() < ROWS_HELD { Ok(()) } else { self.write() }
    }

    fn end(mut self) -> Result<(), ParquetError> {
        if !self.held.is_empty() {
            self.write()?;
        }
        self.writer.close().map(drop)
    }

    fn write(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        let mut at = 0;
        while let Some(mut column) = group.next_column()? {
            let cells = || self.held.iter().filter_map(|row| row.get(at));
            let there: Vec<i16> = cells().map(|cell| i16::from(*cell != Cell::Nothing)).collect();
            match column.untyped() {
                ColumnWriter::Int64ColumnWriter(writer) => {
                    let values: Vec<i64> = cells().filter_map(Cell::number).collect();
                    writer.write_batch(&values, Some(&there), None)?;
                }
                ColumnWriter::BoolColumnWriter(writer) => {
                    let values: Vec<bool> = cells().filter_map(Cell::flag).collect();
                    writer.write_batch(&values, Some(&there), None)?;
                }
                ColumnWriter::ByteArrayColumnWriter(writer) => {
                    let there_only = cells().filter(|cell| **cell != Cell::Nothing);
                    let values: Vec<ByteArray> =
                        there_only.map(|cell| ByteArray::from(cell.text().into_bytes())).collect();
                    writer.write_batch(&values, Some(&there), None)?;
                }
                _ => return Err(ParquetError::General("a column of a type that the table does not have".to_owned())),
            }
            column.close()?;
            at += 1;
        }
        group.close()?;
        self.held.clear();
        Ok(())
    }
}

fn schema(column: &Column) -> Result<Schema, ParquetError> {
    let (physical, logical) = match column.holds {
        Holds::Text => (Type::BYTE_ARRAY, Some(LogicalType::String)),
        Holds::Number => (Type::INT64, None),
        Holds::Flag => (Type::BOOLEAN, None),
        Holds::Moment => (Type::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    Schema::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}
