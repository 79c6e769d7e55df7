#include "lib/report/pdf.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/report/address.hpp"

extern char** environ;

namespace alisio::report {
namespace fs = std::filesystem;
namespace {

/// A folder of its own for the browser's profile, removed at the end.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "alisio_print_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw Error(ErrorKind::resource, std::string("no temporary folder: ") + std::strerror(errno),
                  name);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

fs::path find_chromium() {
  if (const char* named = std::getenv("ALISIO_CHROMIUM"); named != nullptr && *named != '\0')
    return named;
  const char* search = std::getenv("PATH");
  for (const char* name :
       {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}) {
    std::istringstream folders(search == nullptr ? "" : search);
    for (std::string folder; std::getline(folders, folder, ':');) {
      const fs::path candidate = fs::path(folder) / name;
      if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
  }
  throw Error(ErrorKind::resource, "there is no Chromium to print the PDF with", "--pdf",
              "install one or name it in ALISIO_CHROMIUM; or print the HTML file from any browser");
}

void print_pdf(const fs::path& chromium, const fs::path& html, const fs::path& pdf) {
  const ScratchFolder scratch;
  const fs::path printed = scratch.path() / "page.pdf";
  std::vector<std::string> words{chromium.string(),
                                 "--headless",
                                 "--disable-gpu",
                                 "--disable-dev-shm-usage",
                                 "--no-first-run",
                                 "--no-pdf-header-footer",
                                 "--user-data-dir=" + (scratch.path() / "profile").string(),
                                 "--print-to-pdf=" + printed.string()};
  // Chromium's sandbox does not work for root, and the page is our own.
  if (::geteuid() == 0) words.emplace_back("--no-sandbox");
  words.push_back(file_address(html) + "#all");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, chromium.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0)
    throw Error(ErrorKind::resource, std::string("cannot be started: ") + std::strerror(failed),
                chromium.string());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw Error(ErrorKind::resource, std::strerror(errno), chromium.string());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !fs::exists(printed))
    throw Error(ErrorKind::resource, "the page could not be printed", html.string(),
                "try " + words.front() + " by hand, or print the page from a browser");
  fs::copy_file(printed, pdf, fs::copy_options::overwrite_existing);
}

}  // namespace alisio::report
