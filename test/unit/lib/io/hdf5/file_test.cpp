#include "lib/io/hdf5/file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/io/hdf5/data_hash.hpp"
#include "test/unit/lib/io/hdf5/sample_table.hpp"

namespace alisio::hdf5 {
namespace {

template <typename Call>
ErrorKind kind_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::bug;
}

TEST(File, attributes_texts_and_arrays_come_back) {
  const Scratch folder("attributes");
  {
    File file = File::create(folder / "a.h5");
    file.write_attribute("/", "CONTACT", "LST Consortium");
    file.write_attribute("/", "CTA PRODUCT ID", "α-1", TextForm::variable);
    file.write_attribute("/", "EMPTY", "", TextForm::variable);
    file.write_attribute("/", "NOTHING", "");
    file.write_attribute("/", "N", std::int64_t{-5});
    file.write_attribute("/", "X", 0.25);
    file.write_attribute("/", "N", std::int64_t{7});
    file.write_text("/provenance/r0_to_dl1", "{\"é\": 1}");
    file.write_texts("/sources/filenames", {"a.h5", "longer.h5"}, "List");
    file.write_array("/a/b/values", {1, 2, 3, 4, 5, 6}, {2, 3});
    file.close();
  }
  const File file = File::open(folder / "a.h5");
  EXPECT_EQ(file.text_attribute("/", "PYTABLES_FORMAT_VERSION"), "2.1");
  EXPECT_EQ(file.text_attribute("/a/b", "CLASS"), "GROUP");
  EXPECT_EQ(file.text_attribute("/", "CONTACT"), "LST Consortium");
  EXPECT_EQ(file.text_attribute("/", "CTA PRODUCT ID"), "α-1");
  EXPECT_EQ(file.text_attribute("/", "EMPTY"), "");
  EXPECT_EQ(file.text_attribute("/", "NOTHING"), "");
  EXPECT_EQ(file.number_attribute("/", "N"), 7.0);
  EXPECT_EQ(file.number_attribute("/", "X"), 0.25);
  EXPECT_TRUE(file.has_attribute("/", "N"));
  EXPECT_FALSE(file.has_attribute("/", "M"));
  EXPECT_EQ(file.read_text("/provenance/r0_to_dl1"), "{\"é\": 1}");
  EXPECT_EQ(kind_of([&] { return file.read_text("/sources/filenames"); }), ErrorKind::bad_input)
      << "two texts";
  // What PyTables needs to copy a text.
  EXPECT_EQ(file.text_attribute("/provenance/r0_to_dl1", "CLASS"), "ARRAY");
  EXPECT_EQ(file.text_attribute("/sources/filenames", "CLASS"), "ARRAY");
  EXPECT_EQ(file.text_attribute("/sources/filenames", "TITLE"), "List");
  std::vector<std::size_t> shape;
  EXPECT_EQ(file.read_array("/a/b/values", &shape), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(shape, (std::vector<std::size_t>{2, 3}));
  EXPECT_TRUE(file.exists("/a/b/values"));
  EXPECT_FALSE(file.exists("/a/c/values"));
  EXPECT_EQ(file.members("/"), (std::vector<std::string>{"a", "provenance", "sources"}));
  EXPECT_EQ(kind_of([&] { static_cast<void>(file.text_attribute("/", "N")); }),
            ErrorKind::bad_input);
  EXPECT_EQ(kind_of([&] { static_cast<void>(file.members("/none")); }), ErrorKind::bad_input);
}

TEST(File, copies_groups_with_their_attributes) {
  const Scratch folder("copy");
  write_sample(folder / "a.h5", 30, 30);
  {
    const File source = File::open(folder / "a.h5");
    File target = File::create(folder / "b.h5");
    source.copy_to(target, "/dl1/event/telescope/image");
    target.close();
  }
  const File copy = File::open(folder / "b.h5");
  const std::string path = SampleRows::spec().path;
  EXPECT_EQ(TableReader(copy, path).read_all().arrays<float>("image"), SampleRows(30).image);
  EXPECT_EQ(copy.text_attribute(path, "CTAFIELD_11_UNIT"), "m");
  EXPECT_EQ(data_hash(folder / "a.h5"), data_hash(folder / "b.h5"));
}

TEST(File, copies_groups_while_their_file_is_hashed) {
  const Scratch folder("copy_and_hash");
  write_sample(folder / "a.h5", 3000, 500);
  const std::string expected = data_hash(folder / "a.h5");
  const File source = File::open(folder / "a.h5");
  std::atomic<bool> copying = true;
  std::thread hashing([&] {
    while (copying) EXPECT_EQ(data_hash(folder / "a.h5"), expected);
  });
  for (int i = 0; i < 100; ++i) {
    File target = File::create(folder / "b.h5");
    source.copy_to(target, "/dl1/event/telescope/image");
    target.close();
    EXPECT_EQ(data_hash(folder / "b.h5"), expected) << i;
  }
  copying = false;
  hashing.join();
}

TEST(File, unusable_files_are_refused) {
  const Scratch folder("unusable");
  EXPECT_EQ(kind_of([&] { File::open(folder / "none.h5"); }), ErrorKind::missing_input);
  EXPECT_EQ(kind_of([&] { File::open(folder / "."); }), ErrorKind::missing_input);
  std::ofstream(folder / "text.h5") << "not HDF5";
  EXPECT_EQ(kind_of([&] { File::open(folder / "text.h5"); }), ErrorKind::bad_input);
  std::ofstream(folder / "empty.h5");
  EXPECT_EQ(kind_of([&] { File::open(folder / "empty.h5"); }), ErrorKind::bad_input);
  write_sample(folder / "whole.h5", 100, 100);
  const auto size = std::filesystem::file_size(folder / "whole.h5");
  for (const auto kept : {size - 1, size / 2, size / 10, std::uintmax_t{9}}) {
    std::filesystem::copy_file(folder / "whole.h5", folder / "cut.h5",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(folder / "cut.h5", kept);
    EXPECT_EQ(kind_of([&] { File::open(folder / "cut.h5"); }), ErrorKind::bad_input) << kept;
  }
}

/// In a process that may write no more than `limit` bytes to a file: 0 if a resource error naming
/// the file came, else another code.
int write_with_limit(const std::filesystem::path& path, rlim_t limit) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit size{limit, limit};
  setrlimit(RLIMIT_FSIZE, &size);
  try {
    write_sample(path, 3000, 100);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::resource) return 2;
    return std::string(error.what()).find(path.string()) == std::string::npos ? 3 : 0;
  }
  return 1;
}

TEST(FileDeathTest, a_full_disk_is_a_resource_error) {
  const Scratch folder("full");
  for (const rlim_t limit : {rlim_t{0}, rlim_t{4000}, rlim_t{40000}})
    EXPECT_EXIT(std::exit(write_with_limit(folder / "a.h5", limit)), testing::ExitedWithCode(0), "")
        << limit;
  EXPECT_EQ(kind_of([] { File::create("/nonexistent/folder/a.h5"); }), ErrorKind::resource);
}

TEST(File, hdf5_prints_nothing_on_any_thread) {
  const Scratch folder("quiet");
  write_sample(folder / "a.h5", 5, 5);
  const File file = File::open(folder / "a.h5");
  testing::internal::CaptureStderr();
  std::thread([&] {
    EXPECT_EQ(kind_of([&] { static_cast<void>(file.read_text("/none")); }), ErrorKind::bad_input);
    EXPECT_EQ(kind_of([&] { TableReader(file, "/none"); }), ErrorKind::bad_input);
  }).join();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(DataHash, ignores_attributes_and_provenance_but_no_value) {
  const Scratch folder("hash");
  write_sample(folder / "a.h5", 40, 40);
  const std::string hash = data_hash(folder / "a.h5");
  EXPECT_EQ(hash.size(), 64u);
  const SampleRows rows(40);
  const auto write = [&](auto&& change, std::size_t chunk_rows, const std::string& path) {
    SampleRows changed = rows;
    change(changed);
    File file = File::create(folder / "b.h5");
    file.write_attribute("/", "CTA ACTIVITY ID", "0190-1");
    file.write_text("/provenance/r0_to_dl1", "another record");
    TableSpec spec = SampleRows::spec(chunk_rows);
    spec.title = "another title";
    spec.path = path;
    TableWriter table(file, spec);
    table.append(40, changed.sources());
    table.finish();
    file.close();
    return data_hash(folder / "b.h5");
  };
  const std::string path = SampleRows::spec().path;
  const auto nothing = [](SampleRows&) {};
  EXPECT_EQ(write(nothing, 14, path), hash);
  EXPECT_EQ(write(nothing, 3, path), hash) << "the cut into chunks is not data";
  EXPECT_NE(write(nothing, 14, path + "2"), hash) << "the path is data";
  EXPECT_NE(write([](SampleRows& r) { r.image.back() += 1; }, 14, path), hash);
  EXPECT_NE(write([](SampleRows& r) { r.valid.front() ^= 1; }, 14, path), hash);
}

}  // namespace
}  // namespace alisio::hdf5
