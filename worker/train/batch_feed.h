// Batches made ahead of the steps that take them.
#ifndef ECGTRAIN_WORKER_TRAIN_BATCH_FEED_H_
#define ECGTRAIN_WORKER_TRAIN_BATCH_FEED_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <future>

#include "worker/train/objective.h"

namespace ecgtrain {

// Makes the next batches of a pass while a step computes, so that a device waits neither for the disk nor for
// augmentation. Batches come in order, whatever the number of threads. Bound to one thread; the destructor
// waits for the batches that are being made.
class BatchFeed {
 public:
  // `make` is called with the numbers from `begin` to before `end`, each once, from up to `ahead` threads at
  // a time; what it refers to outlives this. REQUIRES: ahead > 0.
  BatchFeed(size_t begin, size_t end, size_t ahead, std::function<Batch(size_t)> make);

  // Throws what `make` threw. REQUIRES: fewer than end - begin calls before.
  Batch Next();

 private:
  void MakeAnother();

  size_t next_;
  size_t end_;
  std::function<Batch(size_t)> make_;
  std::deque<std::future<Batch>> made_;  // destroyed first
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_BATCH_FEED_H_
