// Where the signals of a data set's records lie: WFDB records, MAT version 5 files or rows of HDF5 files.
#ifndef ECGTRAIN_WORKER_DATA_SIGNAL_SOURCE_H_
#define ECGTRAIN_WORKER_DATA_SIGNAL_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sha256.h"
#include "worker/data/source_folder.h"

namespace ecgtrain {

struct SignalPlace {
  std::string file;  // of a WFDB record without ".hea"
  uint64_t row = 0;  // of an HDF5 file
};

struct Signals {
  double rate = 0;
  std::vector<double> millivolts;  // [length, kLeads] in the order of pack.h
};

// Thread-safe.
class SignalSource {
 public:
  virtual ~SignalSource() = default;

  // Damaged signals are faults of the record (record_fault.h).
  virtual absl::StatusOr<Signals> Read(const SignalPlace& place) const = 0;

  // Adds what tells the signals of the place's file from others, the same on every host.
  virtual absl::Status AddIdentity(const SignalPlace& place, Sha256* digest) const = 0;

  // Adds names, sizes and modification times of the place's file and those beside it.
  virtual absl::Status AddQuickKey(const SignalPlace& place, Sha256* key) const = 0;
};

// Identity: content of the header, which holds a checksum of each signal, and the signal files' sizes.
std::unique_ptr<SignalSource> MakeWfdbSource(SourceFolder folder);

// The organisers' form of CPSC 2018: a structure ECG with `data` [12, length] in mV, leads in our order, 500
// samples a second. Identity: the files' content.
std::unique_ptr<SignalSource> MakeCpscMatSource(SourceFolder folder);

struct Hdf5Options {
  std::string tracings = "tracings";  // [records, length, leads]
  std::string ids = "exam_id";        // [records]; "" or absent: rows have no names
  bool ids_required = false;          // absent ids are an error
  bool leads_first = false;           // [records, leads, length]
  double rate = 400;
  double gain = 1;                 // what makes the numbers millivolts
  std::vector<std::string> leads;  // names of the columns; empty: our order
};

// Open HDF5 files. Frames that are zero in all leads are padding at both ends of a row, and left out; a row
// of nothing else is the record's fault "empty". Identity: size of the file, its ids and samples of its
// bytes.
class Hdf5Source : public SignalSource {
 public:
  struct Row {
    std::string id;  // the row's number where the file has no ids
    SignalPlace place;
  };
  // Every row of every file, in this order.
  virtual const std::vector<Row>& rows() const = 0;
  virtual bool has_ids() const = 0;
};

// NOT_FOUND when `files` is empty; DATA_LOSS for damaged files, other shapes and an id that is there twice.
absl::StatusOr<std::unique_ptr<Hdf5Source>> OpenHdf5Source(const SourceFolder& folder,
                                                           const std::vector<std::string>& files,
                                                           const Hdf5Options& options);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_SIGNAL_SOURCE_H_
