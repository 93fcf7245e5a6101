#include "traces/trace_header.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/protocol/opcode.h"
#include "traces/trace.pb.h"
#include "traces/trace_header_codec.h"

namespace fusereplay {
namespace {

std::string schema() {
  google::protobuf::FileDescriptorSet files;
  trace::Record::descriptor()->file()->CopyTo(files.add_file());
  return files.SerializeAsString();
}

}  // namespace

TraceHeader describe_host() {
  TraceHeader header;
  header.writer = "fusereplay " FUSEREPLAY_VERSION;
  header.start_time =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  utsname host{};
  if (::uname(&host) == 0) {
    header.kernel_release = host.release;
    header.kernel_version = host.version;
    header.architecture = host.machine;
  }
  header.page_size = static_cast<std::uint32_t>(std::max(0L, ::sysconf(_SC_PAGESIZE)));
  header.cpus = static_cast<std::uint32_t>(std::max(0L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  header.clocks = "CLOCK_REALTIME";
  header.protocol_major = kProtocolMajor;
  header.protocol_minor = kProtocolMinor;
  return header;
}

std::string encode_trace_header(const TraceHeader& header) {
  trace::TraceHeader message;
  message.set_format_version(header.format_version);
  message.set_oldest_readable(header.oldest_readable);
  message.set_writer(header.writer);
  message.set_start_time(header.start_time);
  for (const std::string& option : header.mount_options) message.add_mount_options(option);
  message.set_mount_point(header.mount_point);
  for (const std::string& argument : header.command) message.add_command(argument);
  message.set_kernel_release(header.kernel_release);
  message.set_kernel_version(header.kernel_version);
  message.set_architecture(header.architecture);
  message.set_page_size(header.page_size);
  message.set_cpus(header.cpus);
  message.set_clocks(header.clocks);
  message.set_payload(static_cast<trace::PayloadPolicy>(header.payload));
  message.set_protocol_major(header.protocol_major);
  message.set_protocol_minor(header.protocol_minor);
  message.set_schema(schema());
  std::string body;
  google::protobuf::io::StringOutputStream out(&body);
  google::protobuf::util::SerializeDelimitedToZeroCopyStream(message, &out);
  return body;
}

std::optional<TraceHeader> decode_trace_header(Bytes body) {
  trace::TraceHeader message;
  google::protobuf::io::ArrayInputStream in(body.data(), static_cast<int>(body.size()));
  bool clean_end = false;
  const google::protobuf::LogSilencer quiet;  // whoever asked says what is wrong, in one line
  if (!google::protobuf::util::ParseDelimitedFromZeroCopyStream(&message, &in, &clean_end)) return std::nullopt;
  TraceHeader header;
  header.format_version = message.format_version();
  header.oldest_readable = message.oldest_readable();
  header.writer = message.writer();
  header.start_time = message.start_time();
  header.mount_options.assign(message.mount_options().begin(), message.mount_options().end());
  header.mount_point = message.mount_point();
  header.command.assign(message.command().begin(), message.command().end());
  header.kernel_release = message.kernel_release();
  header.kernel_version = message.kernel_version();
  header.architecture = message.architecture();
  header.page_size = message.page_size();
  header.cpus = message.cpus();
  header.clocks = message.clocks();
  header.payload = static_cast<PayloadPolicy>(message.payload());
  header.protocol_major = message.protocol_major();
  header.protocol_minor = message.protocol_minor();
  header.schema = message.schema();
  return header;
}

}  // namespace fusereplay
