#pragma once
#include <filesystem>

namespace alisio::report {

/// Return the Chromium or Chrome that prints pages: $ALISIO_CHROMIUM, or the first one on PATH.
/// @throws Error(resource) if there is none.
[[nodiscard]] std::filesystem::path find_chromium();

/// Print a page, with all its sections opened, into a PDF file. @throws Error(resource).
void print_pdf(const std::filesystem::path& chromium, const std::filesystem::path& html,
               const std::filesystem::path& pdf);

}  // namespace alisio::report
