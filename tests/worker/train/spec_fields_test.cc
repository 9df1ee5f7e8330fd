// Every field of the public job specification is known to the trainer: it refuses keys it does not know, so a
// message with every field set must parse.
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ecgtrain/v1/rules.pb.h"
#include "ecgtrain/v1/spec.pb.h"
#include "worker/train/spec.h"

namespace ecgtrain {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A value within the field's own rule.
void SetLeaf(Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  const v1::FieldRule& rule = field->options().GetExtension(v1::rule);
  double number = rule.has_min() ? rule.min() : 1;
  if (rule.has_default_value()) (void)absl::SimpleAtod(rule.default_value(), &number);
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      reflection->SetString(&message, field,
                            rule.has_default_value() ? rule.default_value()
                            : rule.one_of_size() > 0 ? rule.one_of(0)
                                                     : std::string("synthetic"));
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      reflection->SetUInt32(&message, field, static_cast<uint32_t>(number));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      reflection->SetDouble(&message, field, number);
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection->SetBool(&message, field, true);
      break;
    default:
      FAIL() << field->full_name() << " has a type this test does not know";
  }
}

// Sets every field but repeated ones and the oneof's other members.
void SetAll(Message& message, const std::string& task) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const auto* oneof = field->real_containing_oneof();
    if (field->is_repeated() || (oneof != nullptr && oneof->name() == "task" && field->name() != task))
      continue;
    if (field->message_type() == nullptr) {
      SetLeaf(message, field);
    } else if (field->message_type()->full_name() == "google.protobuf.Duration") {
      Message* duration = message.GetReflection()->MutableMessage(&message, field);
      duration->GetReflection()->SetInt64(duration, duration->GetDescriptor()->FindFieldByName("seconds"),
                                          600);
    } else {
      SetAll(*message.GetReflection()->MutableMessage(&message, field), task);
    }
  }
}

class SpecFieldsTest : public testing::TestWithParam<const char*> {};

TEST_P(SpecFieldsTest, EveryFieldOfTheSpecificationIsKnownToTheTrainer) {
  v1::JobSpec job;
  SetAll(job, GetParam());
  job.add_after("job/1");
  (*job.mutable_labels())["a"] = "b";
  for (const uint32_t channels : {8, 8, 8, 8, 8}) job.mutable_model()->add_channels(channels);
  auto* signal = job.has_pretrain()   ? job.mutable_pretrain()->mutable_signal()
                 : job.has_finetune() ? job.mutable_finetune()->mutable_signal()
                                      : job.mutable_evaluate()->mutable_signal();
  signal->set_rate(400);
  signal->set_samples(4096);
  job.mutable_checkpoint()->set_metric("validation/loss");
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(job, &text, options).ok());
  const bool pretrain = job.has_pretrain();
  const auto spec = ParseTrainerSpec(absl::StrCat(
      R"({"format":1,"job":1,"attempt":2,"token":3,"data":{"pack":"a"},"device":{"kind":"gpu","uuids":["GPU-1"],"threads":1},)",
      pretrain ? R"("inputs":{"resume":"inputs/resume"},)" : R"("inputs":{"parent":"inputs/parent"},)",
      "\"spec\":", text, "}"));
  EXPECT_TRUE(spec.ok()) << spec.status() << "\n" << text;
}

INSTANTIATE_TEST_SUITE_P(Tasks, SpecFieldsTest, testing::Values("pretrain", "finetune", "evaluate"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace ecgtrain
