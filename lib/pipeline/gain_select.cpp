#include "lib/pipeline/gain_select.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <optional>

#include "calib/r0/r0_source.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/event/event_type.hpp"
#include "lib/flow/thread_pool.hpp"
#include "lib/io/zfits/copy.hpp"
#include "lib/pipeline/names.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t n_gains = 2;
/// Samples that the choice looks at: the DRS4 corrections drop those at the ends.
constexpr std::size_t first_sample = 3, end_sample = 39;

struct Selection {
  double threshold;  ///< raw ADC counts
  bool keep_what_looks_like_flatfield;
  double min_adc, max_adc, min_fraction;  ///< of such events
};

Selection selection_of(const config::Configuration& c) {
  const std::string source = "source_config.LSTEventSource.";
  return {c.number("gain_select.threshold"),
          c.boolean_or_null(source + "use_flatfield_heuristic").value_or(true),
          c.number(source + "min_flatfield_adc"), c.number(source + "max_flatfield_adc"),
          c.number(source + "min_flatfield_pixel_fraction")};
}

/// Columns of an Events table of R1v1 that the selection reads or changes, by protobuf path.
struct Columns {
  std::size_t event_id, event_type, num_channels, num_samples, num_pixels, waveform, pixel_status;
  std::optional<std::size_t> time_shift;
};

Columns columns_of(const zfits::Table& events, const fs::path& file) {
  const auto find = [&](const char* field, const char* name) {
    const auto column = events.find_field(field);
    if (!column)
      throw Error(ErrorKind::bad_input,
                  fmt::format("the events have no column {} (field {})", name, field),
                  file.string() + ", Events", "give an R0 file of LST");
    return *column;
  };
  return {find("1", "event_id"),      find("4", "event_type"), find("7", "num_channels"),
          find("8", "num_samples"),   find("9", "num_pixels"), find("11", "waveform"),
          find("12", "pixel_status"), events.find_field("18")};
}

std::uint64_t integer(std::span<const std::byte> item) {
  std::uint64_t value = 0;
  std::memcpy(&value, item.data(), std::min(item.size(), sizeof value));
  return value;
}

std::uint16_t sample(std::span<const std::byte> waveform, std::size_t i) {
  std::uint16_t value;
  std::memcpy(&value, &waveform[i * sizeof value], sizeof value);
  return value;
}

/// Takes the rows of one stream and keeps one gain of those that need no more.
class Selector {
 public:
  Selector(const zfits::Table& events, const Selection& selection, float offset, fs::path file)
      : columns_(columns_of(events, file)),
        id_width_(zfits::item_size(events.columns()[columns_.num_channels].type)),
        selection_(selection),
        offset_(offset),
        file_(std::move(file)) {}

  /// Change a row if one gain is enough. False: leave it out.
  bool operator()(zfits::CopiedRow row) {
    const std::uint64_t id = integer(row[columns_.event_id]);
    if (id == 0) return false;
    const std::uint64_t channels = integer(row[columns_.num_channels]);
    if (channels != n_gains)
      throw Error(
          ErrorKind::bad_input,
          fmt::format("event {} has {} gain: the data are gain-selected already", id, channels),
          file_.string(), "give raw data with both gains");
    const auto type = EventType(integer(row[columns_.event_type]));
    if (type != EventType::subarray && type != EventType::unknown) return true;
    const std::size_t pixels = integer(row[columns_.num_pixels]),
                      samples = integer(row[columns_.num_samples]);
    const std::span<const std::byte> waveform = row[columns_.waveform],
                                     status = row[columns_.pixel_status];
    if (waveform.size() != n_gains * pixels * samples * sizeof(std::uint16_t) ||
        status.size() != pixels || samples < end_sample)
      throw Error(ErrorKind::bad_input,
                  fmt::format("event {} has {} bytes of waveform and status of {} pixels, expected "
                              "{} gains x {} pixels x {} samples",
                              id, waveform.size(), status.size(), n_gains, pixels, samples),
                  file_.string(), "restore the file");
    if (selection_.keep_what_looks_like_flatfield &&
        looks_like_flatfield(waveform, pixels, samples)) {
      ++kept;
      return true;
    }
    reduce(row, pixels, samples);
    ++reduced;
    return true;
  }

  std::uint64_t reduced = 0, kept = 0;  ///< events; kept: untagged, but they look like flat-fields

 private:
  [[nodiscard]] bool looks_like_flatfield(std::span<const std::byte> waveform, std::size_t pixels,
                                          std::size_t samples) const {
    std::size_t inside = 0;
    for (std::size_t p = 0; p < pixels; ++p) {
      double sum = 0;
      for (std::size_t s = 0; s < samples; ++s) sum += sample(waveform, p * samples + s);
      sum -= double(offset_) * double(samples);
      inside += sum > selection_.min_adc && sum < selection_.max_adc ? 1 : 0;
    }
    return double(inside) > selection_.min_fraction * double(pixels);
  }

  void reduce(zfits::CopiedRow row, std::size_t pixels, std::size_t samples) {
    const std::span<const std::byte> waveform = row[columns_.waveform];
    const std::size_t pixel_bytes = samples * sizeof(std::uint16_t);
    waveform_.resize(pixels * pixel_bytes);
    status_.assign(row[columns_.pixel_status].begin(), row[columns_.pixel_status].end());
    const std::size_t shift_bytes = sizeof(std::int16_t);
    const bool has_shift =
        columns_.time_shift && row[*columns_.time_shift].size() == n_gains * pixels * shift_bytes;
    shift_.resize(has_shift ? pixels * shift_bytes : 0);
    for (std::size_t p = 0; p < pixels; ++p) {
      bool low = false;
      for (std::size_t s = first_sample; s < end_sample; ++s)
        low |= double(sample(waveform, p * samples + s)) > selection_.threshold;
      const std::size_t channel = (low ? pixels : 0) + p;
      std::memcpy(&waveform_[p * pixel_bytes], &waveform[channel * pixel_bytes], pixel_bytes);
      status_[p] &= std::byte(std::uint8_t(
          ~(low ? calib::pixel_status::high_gain_stored : calib::pixel_status::low_gain_stored)));
      if (has_shift)
        std::memcpy(&shift_[p * shift_bytes], &row[*columns_.time_shift][channel * shift_bytes],
                    shift_bytes);
    }
    row[columns_.waveform] = waveform_;
    row[columns_.pixel_status] = status_;
    row[columns_.num_channels] = std::as_bytes(std::span(&one_, 1)).first(id_width_);
    if (has_shift) row[*columns_.time_shift] = shift_;
  }

  Columns columns_;
  std::size_t id_width_;  ///< bytes of num_channels
  Selection selection_;
  float offset_;
  fs::path file_;
  std::vector<std::byte> waveform_, status_, shift_;
  static constexpr std::uint64_t one_ = 1;
};

float waveform_offset(const zfits::File& file) {
  const zfits::Table& stream = file.table("DataStream");
  const auto column = stream.find_field("5");
  if (!column || stream.row_count() == 0) return 0;
  zfits::DecodedColumn decoded;
  stream.decode(0, *column, decoded);
  return decoded.item<float>(0);
}

void refuse_what_cannot_be_reduced(const calib::RawCamera& camera, const fs::path& file) {
  if (!camera.r1v1)
    throw Error(ErrorKind::bad_input,
                "is of the old format (ProtoR1), whose events cannot say how many gains they have",
                file.string(), "r0-to-dl1 reads it as it stands");
  if (camera.volume_reduced)
    throw Error(ErrorKind::bad_input, "is volume-reduced and gain-selected already", file.string(),
                "r0-to-dl1 reads it as it stands");
}

}  // namespace

ActivityNote gain_select_activity(const GainSelectRequest& request, const JobContext& context,
                                  const config::Configuration& configuration) {
  return activity_note("gain_select", subrun_of(request.input), context, configuration);
}

std::int64_t gain_select(stage::StageRun& run, const GainSelectRequest& request,
                         const config::Configuration& configuration) {
  if (run.activity().dry_run) {
    run.use("r0_subrun", request.input);
    run.plan_product("r0g_subrun", request.output_dir / request.input.filename());
    return 0;
  }
  const calib::R0Source source(request.input, {});
  refuse_what_cannot_be_reduced(source.camera(), request.input);
  const std::vector<fs::path>& inputs = source.files();
  std::vector<fs::path> targets;
  for (const fs::path& input : inputs) {
    run.use("r0_subrun", input);
    const fs::path target = request.output_dir / input.filename();
    std::error_code ignored;
    if (fs::equivalent(input, target, ignored))
      throw Error(ErrorKind::usage, "would be written over itself", input.string(),
                  "give another --output-dir");
    targets.push_back(run.create("r0g_subrun", target).path());
  }

  const Selection selection = selection_of(configuration);
  std::atomic<std::uint64_t> events{0}, reduced{0}, kept{0};
  flow::ThreadPool pool(request.threads);
  pool.parallel_for(inputs.size(), [&](std::size_t i) {
    const zfits::File file = zfits::File::open(inputs[i]);
    zfits::Writer writer(targets[i]);
    for (const std::string& name : file.table_names()) {
      const zfits::Table& table = file.table(name);
      writer.begin_table(zfits::spec_of(table));
      if (name != "Events") {
        zfits::copy_table(table, writer);
        continue;
      }
      Selector select(table, selection, waveform_offset(file), inputs[i]);
      events += zfits::copy_table(table, writer, std::ref(select));
      reduced += select.reduced;
      kept += select.kept;
    }
    writer.close();
  });
  for (std::size_t i = 0; i < inputs.size(); ++i) run.publish("r0g_subrun");
  if (kept > 0)
    spdlog::warn("{}: {} events look like flat-fields and are not tagged so; they keep both gains",
                 request.input.string(), kept.load());
  spdlog::info("{}: {} events, one gain of {}", request.input.string(), events.load(),
               reduced.load());
  return std::int64_t(events.load());
}

}  // namespace alisio::pipeline
