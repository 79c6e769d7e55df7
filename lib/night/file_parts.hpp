#pragma once
#include <functional>
#include <string>

/// Of files that grow while the telescope observes, what counts is what a job took of them.
namespace alisio::night {

/// Tell whether a data hash stands for what a job took of a file: text::log_part() of a log,
/// text::row_part() of a run summary.
[[nodiscard]] bool names_part(const std::string& data_hash);

/// Return what tells of a file what it says now of what a part that names_part() took of it, or
/// what is wrong with it. Files are read once for each state of theirs: every subrun of a night
/// asks.
[[nodiscard]] std::function<std::string(const std::string& path, const std::string& part)>
part_reader();

}  // namespace alisio::night
