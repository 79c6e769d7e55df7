// Writes a made-up run with its calibration runs, failures, retries, a killed job and a remade
// subrun, merges it, and leaves the documents for validate_provenance.py.
// Usage: validate_provenance FOLDER SUBRUNS

#include <cstdio>
#include <exception>

#include "test/unit/prov/example_run.hpp"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: validate_provenance FOLDER SUBRUNS\n", stderr);
    return 2;
  }
  try {
    using namespace alisio::prov;
    ExampleRun example{.root = argv[1]};
    example.process_constants();
    process_eventful_run(example, std::stoi(argv[2]));
    ExampleRun planned = example;
    planned.dry_run = true;
    {
      Recorder recorder = planned.recorder();
      for (int subrun = 0; subrun < std::stoi(argv[2]); ++subrun) planned.process(recorder, subrun);
    }
    for (const char* stage : {"r0_to_dl1", "dl1_to_dl2"}) {
      example.merge(stage);
      planned.merge(stage);
    }
    for (const auto& [stage, run] :
         {std::pair{"drs4_pedestal", 1804}, {"camera_calibration", 1809}}) {
      ExampleRun calibration = example;
      calibration.run = run;
      MergeRequest request = calibration.request(stage);
      request.journals = {example.root / "calib/log"};
      request.output_folder = example.root / "calib/log";
      merge(request, shipped_definition(), example.logger);
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
