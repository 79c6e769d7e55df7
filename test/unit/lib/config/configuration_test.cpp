#include "lib/config/configuration.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/config/options.hpp"

namespace alisio::config {
namespace {

namespace fs = std::filesystem;

class ConfigurationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("alisio_config_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, const std::string& text) {
    write_file_atomically(folder_ / name, text);
    return folder_ / name;
  }
  static std::string error_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  fs::path folder_;
};

TEST_F(ConfigurationTest, AKeyReplacesOnlyItself) {
  const auto c = Configuration::load({write("a.yaml", "tailcut: {picture_thresh: 10}\n")});
  EXPECT_EQ(c.number("tailcut.picture_thresh"), 10);
  EXPECT_EQ(c.number("tailcut.boundary_thresh"), 4);
}

TEST_F(ConfigurationTest, ABlockOfRangesIsReplacedAsAWhole) {
  const auto defaults = Configuration::defaults();
  EXPECT_EQ(defaults.ranges("EventSelector.filters").at("event_type"), std::pair(32.0, 32.0));
  const auto file = write("irf.json", R"({"EventSelector": {
      "filters": {"intensity": [50, Infinity]}, "finite_params": ["width", "r"]},
      "DL3Cuts": {"allowed_tels": [1, 2]}})");
  const auto c = Configuration::load({file});
  const auto ranges = c.ranges("EventSelector.filters");
  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_EQ(ranges.at("intensity").first, 50);
  EXPECT_TRUE(std::isinf(ranges.at("intensity").second));
  EXPECT_EQ(c.words("EventSelector.finite_params"), (std::vector<std::string>{"width", "r"}));
  EXPECT_EQ(c.words("DL3Cuts.allowed_tels"), (std::vector<std::string>{"1", "2"}));
  EXPECT_NE(c.section_json({"EventSelector"}).find("\"inf\""), std::string::npos);
  EXPECT_NE(error_of([&] {
              (void)Configuration::load({write("b.yaml", "EventSelector: {filters: {r: 1}}\n")});
            }).find("b.yaml:1"),
            std::string::npos);
}

TEST_F(ConfigurationTest, LaterFilesAndOverridesWin) {
  const auto a = write("a.yaml", "tailcut: {picture_thresh: 10, delta_time: null}\n");
  const auto b = write("b.yaml", "tailcut: {picture_thresh: 12}\n");
  const auto c = Configuration::load({a, b}, {"tailcut.boundary_thresh=6"});
  EXPECT_EQ(c.number("tailcut.picture_thresh"), 12);
  EXPECT_EQ(c.number("tailcut.boundary_thresh"), 6);
  EXPECT_TRUE(std::isnan(c.number("tailcut.delta_time")));
}

TEST_F(ConfigurationTest, BlocksOfOneMoreFileAreReadAndTheRestIsNot) {
  auto c = Configuration::defaults();
  const auto run = write("run.json", R"({"tailcut": {"picture_thresh": 14}, "telescope": 3,
                                      "events_filters": {"r": [0, Infinity]}, "other": {}})");
  EXPECT_EQ(c.read_blocks(run, {"tailcut", "dynamic_cleaning"}), 1U);
  EXPECT_EQ(c.read_blocks(run, {"dynamic_cleaning"}), 0U);
  EXPECT_EQ(c.number("tailcut.picture_thresh"), 14);
  EXPECT_EQ(c.number("tailcut.boundary_thresh"), 4);
  EXPECT_EQ(c.integer("telescope"), 1);
  const auto wrong = write("wrong.json", R"({"tailcut": {"picture": 14}})");
  EXPECT_NE(
      error_of([&] { static_cast<void>(c.read_blocks(wrong, {"tailcut"})); }).find("wrong.json:1"),
      std::string::npos);
}

TEST_F(ConfigurationTest, UnknownKeyNamesFileLineAndSuggestion) {
  const auto a = write("a.yaml", "telescope: 1\ntailcut:\n  picture_treshold: 10\n");
  const std::string error = error_of([&] { (void)Configuration::load({a}); });
  EXPECT_NE(error.find("a.yaml:3"), std::string::npos) << error;
  EXPECT_NE(error.find("did you mean 'tailcut.picture_thresh'?"), std::string::npos) << error;
}

TEST_F(ConfigurationTest, AFileThatIsNoUtf8IsRefused) {
  const auto a = write("a.yaml", "paths:\n  r0: /datos/calibraci\xF3n\n");
  const std::string error = error_of([&] { (void)Configuration::load({a}); });
  EXPECT_NE(error.find("a.yaml: is no UTF-8 text (iconv"), std::string::npos) << error;
}

TEST_F(ConfigurationTest, WrongTypesAreRefused) {
  for (const char* text : {"telescope: one", "telescope: 1.5", "tailcut: 3",
                           "tailcut: {picture_thresh: big}", "events_filters: {r: [3, 1]}",
                           "dynamic_cleaning: {apply: perhaps}", "telescope: [1", "- 1"}) {
    const auto a = write("a.yaml", text);
    EXPECT_THROW((void)Configuration::load({a}), Error) << text;
  }
}

TEST_F(ConfigurationTest, TextsThatMeanNothingAreRefusedWithFileLineAndRemedy) {
  struct Case {
    const char *block, *line, *remedy;
  };
  for (const Case& c : {
           Case{"night", "pause: 18-7", "'18-7'"},
           {"night", "executor: slurmm", "did you mean 'slurm'?"},
           {"night", "executor: \"\"", "known: local, slurm"},
           {"night", "without_drive_log: x", "known: wait, go_on"},
           {"night", "catalogue_command: [ask, \"{run}\"]", "'{run}'"},
           {"closing", "allowed_missing_subruns: lots", "'lots'"},
           {"closing", "allowed_missing_subruns: 120 %", "up to \"100 %\""},
           {"closing", "gates: requires", "did you mean 'require'?"},
           {"gates", "on_failure: perhaps", "known: warn, stop"},
           {"dl2", "choice: x", "known: fixed, by_declination_and_nsb"},
           {"dl2", "observation_mode: wobbles", "did you mean 'wobble'?"},
           {"notify", "on: [night_closed, night_completed]", "did you mean 'night_complete'?"},
           {"notify", "mail: \"a\\nb\"", "'a b'"},
           {"clean", "intermediate: [raw]", "known: interleaved, dl1_subrun"},
           {"significance", "normalisation: count", "did you mean 'counts'?"},
           {"camera_calibration", "LSTEventSource: {default_trigger_type: x}", "known: ucts, tib"},
       }) {
    const auto a = write("a.yaml", std::string(c.block) + ":\n  " + c.line + "\n");
    const std::string error = error_of([&] { (void)Configuration::load({a}); });
    EXPECT_NE(error.find("a.yaml:2"), std::string::npos) << c.line << ": " << error;
    EXPECT_NE(error.find(c.remedy), std::string::npos) << c.line << ": " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST_F(ConfigurationTest, HelpListsTheWordsThatAKeyTakes) {
  const std::string help = options_as_text();
  for (const char* line :
       {"    one of: warn, stop\n", "    may hold: interleaved, dl1_subrun, dl1b_subrun, muons,",
        "    may hold: job_failed, gates_failed,", "    may hold: intensity,"})
    EXPECT_NE(help.find(line), std::string::npos) << line;
}

TEST_F(ConfigurationTest, ReadsThePeersJson) {
  const auto a =
      write("a.json",
            R"({"events_filters": {"intensity": [50, Infinity]}, "n_training_events": {"x": 1},
                           "random_forest_zd_interpolation": {"interpolate_energy": false}})");
  const auto c = Configuration::load({a});
  EXPECT_EQ(c.ranges("events_filters").at("intensity").first, 50);
  EXPECT_TRUE(std::isinf(c.ranges("events_filters").at("intensity").second));
  EXPECT_EQ(c.ranges("events_filters").size(), 1U) << "what it leaves out is no filter in lstchain";
  EXPECT_FALSE(c.boolean("random_forest_zd_interpolation.interpolate_energy"));
}

/// Return the refusal by a stage of a file of lstchain, or nothing.
std::string refusal(const Configuration& configuration, const char* stage) {
  try {
    configuration.require_followed(stage);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST_F(ConfigurationTest, ValuesOfThePeersThatAreNotDoneAreRefusedByTheirStage) {
  struct Case {
    const char *text, *stage, *key;
  };
  for (const Case& c : {
           Case{R"({"LocalPeakWindowSum": {"window_width": 8, "window_shift": 4,
                   "apply_integration_correction": true}})",
                "r0_to_dl1", "LocalPeakWindowSum.apply_integration_correction"},
           {R"({"LocalPeakWindowSum": {"window_width": 8, "window_shift": 4}})", "r0_to_dl1",
            "LocalPeakWindowSum.apply_integration_correction"},
           {R"({"source_config": {"LSTEventSource": {"calibrate_flatfields_and_pedestals": false,
               "LSTR0Corrections": {"apply_spike_correction": false}}}})",
            "r0_to_dl1", "source_config.LSTEventSource.LSTR0Corrections.apply_spike_correction"},
           {R"({"source_config": {"EventSource": {"max_events": 60}}})", "r0_to_dl1",
            "source_config.EventSource.max_events"},
           {R"({"volume_reducer": {"algorithm": "zero_suppression_tailcut_dilation"}})",
            "r0_to_dl1", "volume_reducer.algorithm"},
           {R"({"GlobalPeakWindowSum": {"window_width": 12, "window_shift": 5,
               "apply_integration_correction": false}})",
            "r0_to_dl1", "GlobalPeakWindowSum.window_width"},
           {R"({"LSTCalibrationCalculator": {"squared_excess_noise_factor": 1.3}})", "r0_to_dl1",
            "LSTCalibrationCalculator.squared_excess_noise_factor"},
           {R"({"image_modifier": {"increase_psf": true, "smeared_light_fraction": 0.1}})", "dl1ab",
            "image_modifier.increase_psf"},
           {R"({"lh_fit_config": {"n_peaks": 0}})", "r0_to_dl1", "lh_fit_config"},
           {R"({"CalibrationHDF5Writer": {"one_event": true},
               "LSTCalibrationCalculator": {"systematic_correction_path": "/scan.h5"}})",
            "camera_calibration",
            "camera_calibration.LSTCalibrationCalculator.systematic_correction_path"},
           {R"({"CatBCalibrationHDF5Writer": {},
               "PedestalIntegrator": {"charge_product": "LocalPeakWindowSum"}})",
            "cat_b", "cat_b.PedestalIntegrator.charge_product"},
           {R"({"DataReductionFITSWriter": {"source_name": "Crab"}})", "dl3",
            "DataReductionFITSWriter.source_name"},
           {R"({"DataReductionFITSWriter": {"use_nearest_irf_node": true}})", "dl3",
            "DataReductionFITSWriter.use_nearest_irf_node"},
           {R"({"source_config": {"LSTEventSource": {"reference_position_height": 1e5}}})",
            "r0_to_dl1", "source_config.LSTEventSource.reference_position_height"},
       }) {
    const auto configuration = Configuration::load({write("a.json", c.text)});
    const std::string error = refusal(configuration, c.stage);
    EXPECT_NE(error.find(std::string("'") + c.key), std::string::npos) << c.text << ": " << error;
    EXPECT_NE(error.find("a.json"), std::string::npos) << error;
    EXPECT_EQ(refusal(configuration, "merge_dl1"), "");
    EXPECT_FALSE(configuration.differences().empty());
  }
}

TEST_F(ConfigurationTest, ValuesOfThePeersThatAreDoneStopNothing) {
  const auto file = write("a.json", R"({
      "source_config": {"EventSource": {"allowed_tels": [1], "max_events": null},
        "LSTEventSource": {"allowed_tels": [1], "calibrate_flatfields_and_pedestals": false,
          "EventTimeCalculator": {"dragon_reference_counter": null},
          "PointingSource": {"drive_report_path": null},
          "LSTR0Corrections": {"calib_scale_high_gain": 1.088, "calibration_path": null,
                               "r1_sample_start": 3.0}}},
      "LocalPeakWindowSum": {"window_shift": 4, "window_width": 8,
                             "apply_integration_correction": false},
      "image_modifier": {"increase_nsb": false, "transition_charge": 8},
      "volume_reducer": {"algorithm": null, "parameters": {}},
      "waveform_nsb_tuning": {"nsb_tuning": true}, "source_dependent": false})");
  EXPECT_TRUE(Configuration::load({file}).differences().empty());
  const auto cat_a = Configuration::load({write("c.json", R"({"version": 1,
      "CalibrationHDF5Writer": {"one_event": true, "events_to_skip": 50, "log_level": "INFO"},
      "LSTEventSource": {"MultiFiles": {"all_subruns": true}, "allowed_tels": [1],
                         "LSTR0Corrections": {"select_gain": false}},
      "LSTCalibrationCalculator": {"flatfield_product": "FlasherFlatFieldCalculator"},
      "PedestalIntegrator": {"tel_id": 1, "charge_product": "FixedWindowSum"},
      "LocalPeakWindowSum": {"apply_integration_correction": false},
      "FixedWindowSum": {"apply_integration_correction": false, "peak_index": 18}})")});
  EXPECT_TRUE(cat_a.differences().empty());
  EXPECT_EQ(cat_a.integer_or_null("camera_calibration.CalibrationHDF5Writer.events_to_skip"), 50);
  EXPECT_EQ(cat_a.range("camera_calibration.FlasherFlatFieldCalculator.time_cut_outliers"),
            std::pair(0.0, 60.0))
      << "what lstchain takes for a cut that its file leaves out";
  // A later file that says what is done settles what an earlier one asked for.
  const auto earlier = write("b.json", R"({"image_modifier": {"increase_nsb": true}})");
  EXPECT_FALSE(Configuration::load({earlier}).differences().empty());
  EXPECT_TRUE(Configuration::load({earlier, file}).differences().empty());
}

TEST_F(ConfigurationTest, SourceDependenceOfThePeersIsThatOfDl2) {
  const auto named = Configuration::load({write("a.json", R"({"source_dependent": true,
      "observation_mode": "on", "n_off_wobble": 3, "source_name": "Crab Nebula",
      "source_ra": 83.6, "source_dec": 22.0})")});
  EXPECT_TRUE(named.boolean("dl2.source_dependent"));
  EXPECT_EQ(named.text("dl2.observation_mode"), "on");
  EXPECT_EQ(named.integer("dl2.n_off_wobble"), 3);
  EXPECT_EQ(named.text("dl2.source_name"), "Crab Nebula");
  EXPECT_TRUE(std::isnan(named.number("dl2.source_ra"))) << "the name counts in lstchain";
  const auto placed = Configuration::load({write("a.json", R"({"source_ra": 83.6})")});
  EXPECT_EQ(placed.number("dl2.source_ra"), 83.6);
}

TEST_F(ConfigurationTest, WhatABlockOfThePeersLeavesOutIsTheirs) {
  const std::string pedestal = "tailcuts_clean_with_pedestal_threshold";
  const std::string text = R"({"tailcut": {"picture_thresh": 10}, "dynamic_cleaning": {},
      "random_forest_zd_interpolation": {"interpolate_energy": true}, ")" +
                           pedestal + R"(": {"picture_thresh": 6}})";
  const auto c = Configuration::load({write("a.json", text)});
  EXPECT_EQ(c.number("tailcut.picture_thresh"), 10);
  EXPECT_EQ(c.number("tailcut.boundary_thresh"), 5);
  for (const std::string& block : {std::string("tailcut"), pedestal}) {
    EXPECT_TRUE(c.boolean(block + ".use_only_main_island"));
    EXPECT_TRUE(std::isnan(c.number(block + ".delta_time")));
  }
  EXPECT_FALSE(c.boolean("dynamic_cleaning.apply"));
  EXPECT_TRUE(c.boolean("random_forest_zd_interpolation.interpolate_energy"));
  EXPECT_FALSE(c.boolean("random_forest_zd_interpolation.interpolate_direction"));
  EXPECT_EQ(c.integer("LocalPeakWindowSum.window_width"), 8) << "of a block that is not there";
  // YAML, and JSON that is Alisio's own, keep its defaults.
  for (const auto& own :
       {write("a.yaml", text), write("b.json", "{\"telescope\": 1, " + text.substr(1))}) {
    const auto kept = Configuration::load({own});
    EXPECT_FALSE(kept.boolean("tailcut.use_only_main_island")) << own;
    EXPECT_EQ(kept.number("tailcut.delta_time"), 2) << own;
    EXPECT_TRUE(kept.boolean("dynamic_cleaning.apply")) << own;
  }
}

TEST_F(ConfigurationTest, MisspeltKeysOfThePeersAreRefused) {
  struct Case {
    const char *text, *meant;
  };
  for (const Case& c :
       {Case{R"({"LocalPeakWindowSum": {"windowwidth": 8}})", "LocalPeakWindowSum.window_width"},
        {R"({"source_config": {"LSTEventSource": {"LSTR0Corrections":
            {"gain_selecton_threshold": 3500}}}})",
         "LSTR0Corrections.gain_selection_threshold"},
        {R"({"image_modifer": {"increase_nsb": true}})", "image_modifier"},
        {R"({"image_modifier": {"increase_nbs": true}})", "image_modifier.increase_nsb"},
        {R"({"CalibrationHDF5Writer": {}, "FlasherFlatFieldCalculator":
            {"charge_median_cut_outliner": [-9, 9]}})",
         "camera_calibration.FlasherFlatFieldCalculator.charge_median_cut_outliers"}}) {
    const std::string error =
        error_of([&] { (void)Configuration::load({write("a.json", c.text)}); });
    EXPECT_NE(error.find("did you mean"), std::string::npos) << c.text << ": " << error;
    EXPECT_NE(error.find(c.meant), std::string::npos) << error;
  }
  // What resembles nothing may be of another version of lstchain.
  const auto other = write("a.json", R"({"some_other_matter": {"x": 1},
      "GlobalPeakWindowSum": {"window_width": 8, "window_shift": 4,
      "apply_integration_correction": false, "a_key_of_tomorrow": 2}})");
  std::ostringstream said;
  const auto logger = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
  const auto c = Configuration::load({other});
  spdlog::set_default_logger(logger);
  EXPECT_TRUE(c.differences().empty());
  EXPECT_NE(said.str().find("some_other_matter, GlobalPeakWindowSum.a_key_of_tomorrow"),
            std::string::npos)
      << said.str();
}

TEST_F(ConfigurationTest, RelativePathsStartAtTheirFile) {
  const auto a = write("a.yaml", "paths: {r0: raw}\n");
  const auto c = Configuration::load({a});
  EXPECT_EQ(c.path("paths.r0"), folder_ / "raw");
  EXPECT_EQ(c.path("paths.run_summary"), folder_ / "monitoring/RunSummary");
  EXPECT_TRUE(c.path("calibration.time").empty());
}

TEST_F(ConfigurationTest, APathThatMayBeAnythingIsRefused) {
  for (const char* text :
       {"paths: {products: ''}\n", "paths: {r0: ~}\n", "paths: {state: \"a\\nb\"}\n"}) {
    const auto file = write("a.yaml", text);
    EXPECT_NE(error_of([&] { (void)Configuration::load({file}); }).find("a.yaml:1"),
              std::string::npos)
        << text;
  }
  const auto none = Configuration::load({write("a.yaml", "dl2: {models: ''}\n")});
  EXPECT_TRUE(none.path("dl2.models").empty()) << "empty is said of what may be missing";
}

TEST_F(ConfigurationTest, SectionsAreCanonicalText) {
  const auto c = Configuration::defaults();
  EXPECT_EQ(
      c.section_json({"dynamic_cleaning", "telescope"}),
      R"({"dynamic_cleaning":{"apply":true,"fraction_cleaning_intensity":0.03,"threshold":267.0},"telescope":1})");
  EXPECT_NE(c.section_json({"events_filters"}).find(R"("r":[0.0,"inf"])"), std::string::npos);
}

/// Return the line of YAML that gives a dotted key a value.
std::string nested(const std::string& key, const std::string& value) {
  std::string text, closing;
  for (const char c : key)
    if (c == '.') {
      text += ": {";
      closing += "}";
    } else {
      text += c;
    }
  return text + ": " + value + closing + "\n";
}

TEST_F(ConfigurationTest, EveryDefaultThatHelpPrintsCanStandInAFile) {
  const Configuration defaults = Configuration::defaults(folder_);
  std::istringstream help(options_as_text());
  std::size_t keys = 0;
  for (std::string line; std::getline(help, line);) {
    if (line.starts_with(" ")) continue;
    const std::size_t at = line.find("; default ");
    ASSERT_NE(at, std::string::npos) << line;
    const std::string key = line.substr(0, line.find(' '));
    const std::string value = line.substr(at + 10, line.rfind(')') - at - 10);
    const fs::path file = folder_ / "a.yaml";
    std::ofstream(file) << nested(key, value);
    EXPECT_EQ(
        error_of([&] { EXPECT_EQ(Configuration::load({file}).all(), defaults.all()) << line; }), "")
        << line;
    ++keys;
  }
  EXPECT_EQ(keys, options().size());
}

TEST_F(ConfigurationTest, WhatIsPrintedLoadsAgain) {
  std::vector<std::string> changes;
  for (const Option& option : options()) {
    if (option.kind == OptionKind::range) changes.push_back(option.key + "=[-.inf, .inf]");
    if (option.kind == OptionKind::number && std::isinf(option.limits.high))
      changes.push_back(option.key + "=.inf");
  }
  changes.emplace_back("EventSelector.filters={r: [-.inf, 1], wl: [0, .inf]}");
  changes.emplace_back("events_filters.n_pixels=[-.inf, .inf]");
  changes.emplace_back(R"(slurm.qos="say: 'a', \"b\" # and\tnull")");
  changes.emplace_back("night.catalogue_command=['null', '1', 'a b', '']");
  ASSERT_GT(changes.size(), 44U);
  for (const auto& overrides : {std::vector<std::string>(), changes}) {
    const Configuration said = Configuration::load({write("a.yaml", "")}, overrides);
    const Configuration again = Configuration::load({write("b.json", said.all().dump(2))});
    EXPECT_EQ(again.all(), said.all());
    EXPECT_EQ(again.ranges("events_filters"), said.ranges("events_filters"));
  }
}

TEST_F(ConfigurationTest, AnOpenRangeIsWrittenWithInf) {
  const auto a = write("a.yaml", "events_filters: {intensity: [0.0, null]}\n");
  EXPECT_NE(error_of([&] { (void)Configuration::load({a}); }).find(".inf where it is open"),
            std::string::npos);
  const std::string help = options_as_text();
  const std::string line = help.substr(help.find("\nevents_filters ("));
  EXPECT_NE(line.substr(0, line.find('\n', 1)).find("[0.0, .inf]"), std::string::npos) << line;
}

TEST_F(ConfigurationTest, EntriesOfABlockOfNamesAreSetOneByOne) {
  const auto c = Configuration::load(
      {}, {"events_filters.intensity=[300, .inf]", "events_filters.alt_tel=[1, 2]"});
  EXPECT_EQ(c.ranges("events_filters").at("intensity").first, 300);
  EXPECT_EQ(c.ranges("events_filters").at("alt_tel").second, 2);
  EXPECT_EQ(c.ranges("events_filters").at("r").first, 0);
  const auto a = write("a.yaml", "events_filters:\n  intensty: [0, 1]\n");
  EXPECT_NE(error_of([&] {
              (void)Configuration::load({a});
            }).find("did you mean 'events_filters.intensity'?"),
            std::string::npos);
}

TEST_F(ConfigurationTest, WhatIsNoNumberIsRefused) {
  for (const char* change :
       {"tailcut.picture_thresh=nan", "tailcut.picture_thresh=.nan", "events_filters.r=[nan, 1]",
        "night.stage_memory={r0_to_dl1: nan}", "night.jobs=nan"})
    EXPECT_THROW((void)Configuration::load({}, {change}), Error) << change;
}

TEST_F(ConfigurationTest, ASecondDocumentIsRefused) {
  const auto a = write("a.yaml", "telescope: 1\n---\ntelescope: 2\n");
  EXPECT_NE(error_of([&] { (void)Configuration::load({a}); }).find("a.yaml:3: a second YAML"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              (void)Configuration::load({}, {"telescope=1\n---\n2"});
            }).find("--set telescope"),
            std::string::npos);
}

TEST_F(ConfigurationTest, AFullFileOfOneKeyIsRefusedAtOnce) {
  std::string text;
  while (text.size() < 999'000) text += "telescope: 1\n";
  const auto a = write("a.yaml", text);
  const auto b = write("b.yaml", text + text);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_NE(error_of([&] { (void)Configuration::load({a}); }).find("a.yaml:2: 'telescope' is said"),
            std::string::npos);
  EXPECT_NE(error_of([&] { (void)Configuration::load({b}); }).find("too large"), std::string::npos);
  // A time that grew with the square of the lines would be minutes.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST_F(ConfigurationTest, ANameSaidTwiceInABlockIsRefused) {
  for (const char* text : {"EventSelector: {filters: {r: [0, 1], r: [0, 2]}}\n",
                           "slurm: {stage_time: {dl1ab: 5, dl1ab: 6}}\n"})
    EXPECT_NE(error_of([&] {
                (void)Configuration::load({write("a.yaml", text)});
              }).find("is there twice"),
              std::string::npos)
        << text;
}

TEST_F(ConfigurationTest, WhatIsCountedInIntegersIsFinite) {
  for (const auto& [change, range] : std::vector<std::pair<std::string, std::string>>{
           {"slurm.job_time=.inf", "between 1 and 525600"},
           {"slurm.stage_time={dl1ab: .inf}", "between 1 and 525600"},
           {"slurm.time_limit=.inf", "between 1 and 525600"},
           {"slurm.memory_limit=.inf", "between 0.001 and 1000000"},
           {"slurm.poll=.inf", "between 0.1 and 3600"},
           {"night.memory=.inf", "between 0 and 1000000"},
           {"night.job_memory=.inf", "between 0.001 and 1000000"},
           {"night.stage_memory={dl1ab: .inf}", "between 0.001 and 1000000"},
           {"closing.earliest_hour=.inf", "between 0 and 1000000"},
           {"daemon.settle_s=.inf", "between 0 and 86400"},
           {"daemon.poll_s=.inf", "between 0.1 and 86400"},
           {"daemon.look_back_days=36501", "between 0 and 36500"}})
    EXPECT_NE(error_of([&] { (void)Configuration::load({}, {change}); }).find(range),
              std::string::npos)
        << change;
  for (const Option& option : options()) {
    if (option.kind != OptionKind::integer) continue;
    EXPECT_THROW((void)Configuration::load({}, {option.key + "=2147483648"}), Error) << option.key;
    EXPECT_THROW((void)Configuration::load({}, {option.key + "=.inf"}), Error) << option.key;
    EXPECT_THROW((void)Configuration::load({}, {option.key + "=1e300"}), Error) << option.key;
  }
}

}  // namespace
}  // namespace alisio::config
