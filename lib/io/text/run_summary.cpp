#include "lib/io/text/run_summary.hpp"

#include "lib/base/version.hpp"
#include "lib/io/text/ecsv.hpp"

namespace alisio::text {

std::vector<RunSummaryRow> read_run_summary(const std::filesystem::path& file) {
  const EcsvTable table = EcsvTable::read(file);
  std::vector<RunSummaryRow> rows(table.row_count());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    RunSummaryRow& row = rows[i];
    row.run_id = table.integer(i, "run_id");
    row.n_subruns = table.integer(i, "n_subruns");
    row.run_type = table.text(i, "run_type");
    // Columns that early summaries lack.
    if (table.has_column("data_format")) row.data_format = table.text(i, "data_format");
    if (table.has_column("evb_preprocessing"))
      row.evb_preprocessing = table.integer(i, "evb_preprocessing");
    row.ucts_timestamp = table.integer(i, "ucts_timestamp");
    row.run_start = table.integer(i, "run_start");
    row.dragon_reference_time = table.integer(i, "dragon_reference_time");
    row.dragon_reference_module_id = table.integer(i, "dragon_reference_module_id");
    row.dragon_reference_module_index = table.integer(i, "dragon_reference_module_index");
    row.dragon_reference_counter = table.unsigned_integer(i, "dragon_reference_counter");
    row.dragon_reference_source = table.text(i, "dragon_reference_source");
  }
  return rows;
}

std::optional<RunSummaryRow> find_run(const std::vector<RunSummaryRow>& rows, std::int64_t run) {
  for (const RunSummaryRow& row : rows)
    if (row.run_id == run) return row;
  return std::nullopt;
}

std::string run_summary_text(const std::vector<RunSummaryRow>& rows, const std::string& iso_date) {
  EcsvTable table({{"run_id", "int64", ""},
                   {"n_subruns", "int64", ""},
                   {"run_type", "string", ""},
                   {"data_format", "string", ""},
                   {"evb_preprocessing", "int64", ""},
                   {"ucts_timestamp", "int64", ""},
                   {"run_start", "int64", ""},
                   {"dragon_reference_time", "int64", ""},
                   {"dragon_reference_module_id", "int16", ""},
                   {"dragon_reference_module_index", "int16", ""},
                   {"dragon_reference_counter", "uint64", ""},
                   {"dragon_reference_source", "string", ""}});
  table.add_meta("date", iso_date);
  table.add_meta("alisio_version", build_info().version);
  for (const RunSummaryRow& row : rows)
    table.add_row({std::to_string(row.run_id), std::to_string(row.n_subruns), row.run_type,
                   row.data_format, std::to_string(row.evb_preprocessing),
                   std::to_string(row.ucts_timestamp), std::to_string(row.run_start),
                   std::to_string(row.dragon_reference_time),
                   std::to_string(row.dragon_reference_module_id),
                   std::to_string(row.dragon_reference_module_index),
                   std::to_string(row.dragon_reference_counter), row.dragon_reference_source});
  return table.to_text();
}

}  // namespace alisio::text
