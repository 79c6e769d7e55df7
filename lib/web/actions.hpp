#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "lib/web/http.hpp"
#include "lib/web/token_guard.hpp"

/// What may be decided on the pages, by whoever knows the token: retry, veto, close. Without a
/// token the pages are read-only.
namespace alisio::web {

/// What a command of the program came to.
struct CommandOutcome {
  int exit_code = 0;
  std::string text;  ///< what it printed
};

/// Return 256 bits that nobody can foresee, as text.
[[nodiscard]] std::string random_key();

struct ActionSource {
  std::filesystem::path state_folder;
  std::string token;  ///< empty: read-only
  /// Signs forms. Not the token: whoever reads a form could try tokens against it, unseen.
  std::string form_key = random_key();
  /// Run a command of the program: {"retry", "11220.0003", "20240115", "--reason=…"}. Commands
  /// record who decided what and why.
  std::function<CommandOutcome(const std::vector<std::string>& words)> run;
  /// The actions that there are: "retry", "veto", "close".
  std::vector<std::string> known = {"retry", "veto"};
  std::shared_ptr<TokenGuard> guard = std::make_shared<TokenGuard>();
  /// Actions at a time: to close a night may take minutes, and pages are answered meanwhile.
  std::shared_ptr<std::counting_semaphore<>> places =
      std::make_shared<std::counting_semaphore<>>(2);
};

/// Read the token from a file: its first line. @throws Error(configuration) if others than its
/// owner can read the file or the token has fewer than 16 characters, Error(missing_input) if it is
/// absent.
[[nodiscard]] std::string read_token(const std::filesystem::path& file);

/// Return the pages `/act/DATE/PROD` that ask for confirmation, and what answers POST: the same
/// address for forms, `/api/v1/nights/DATE/PROD/actions` for programs (JSON; the token as
/// "Authorization: Bearer"). They refer to the source.
[[nodiscard]] Router action_pages(const ActionSource& source);

}  // namespace alisio::web
