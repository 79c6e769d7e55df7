#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/io/fits/table_writer.hpp"

namespace alisio::fits {

/// Read all binary tables of a file, in their order, as write_tables() takes them: columns of 16,
/// 32 and 64 bit integers, floats, logicals and texts, and every card that does not describe the
/// table's structure. Compressed files (.gz) too.
/// @throws Error(missing_input); Error(bad_input) naming file and table if it is no whole FITS file
/// or holds a column of another type.
[[nodiscard]] std::vector<BinaryTable> read_tables(const std::filesystem::path& path);

/// Read names and cards of the tables only, without columns. @throws as read_tables().
[[nodiscard]] std::vector<BinaryTable> read_table_headers(const std::filesystem::path& path);

/// Return the card of a table, null if it has none of this key.
[[nodiscard]] const Card* find_card(const BinaryTable& table, const std::string& key);
/// Return the number of a card. @throws Error(bad_input) if there is none, or it is no number.
/// @param where  the file, for the message
[[nodiscard]] double number_of_card(const BinaryTable& table, const std::string& key,
                                    const std::filesystem::path& where);
/// Return the text of a card, empty if there is none or it is no text.
[[nodiscard]] std::string text_of_card(const BinaryTable& table, const std::string& key);
/// Return a column of a table. @throws Error(bad_input) if there is none.
[[nodiscard]] const Column& column_of(const BinaryTable& table, const std::string& name,
                                      const std::filesystem::path& where);

}  // namespace alisio::fits
