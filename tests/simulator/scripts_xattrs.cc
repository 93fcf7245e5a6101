// Extended attributes.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"ExtendedAttributes", "", R"(
open f /a rw,creat 0644
close f
setxattr /a user.one first
setxattr /a user.two second xcreate
setxattr /a user.two third xcreate
setxattr /a user.none x xreplace
getxattr /a user.one
getxattr /a user.one 0
getxattr /a user.one 2
getxattr /a user.none
listxattr /a
listxattr /a 0
listxattr /a 3
removexattr /a user.one
removexattr /a user.one
listxattr /a
stat /a
symlink a /l
mknod /fifo 0010644
setxattr /fifo user.one x
getxattr /fifo user.one
)"},
    {"WithoutExtendedAttributes", "[without:getxattr,setxattr,listxattr,removexattr]", R"(
open f /a rw,creat 0644
write f x
setxattr /a user.x y
setxattr /a user.x y
getxattr /a user.x
getxattr /a user.x 0
listxattr /a
listxattr /a 0
removexattr /a user.x
removexattr /a user.x
chown /a 5 5
close f
)"},
    {"ShortSetxattr", "[refuse:setxattr_ext]", R"(
open f /a rw,creat 0644
setxattr /a user.x y
getxattr /a user.x
close f
)"},
    {"NamesOfAttributes", "", R"(
mknod /f 0100644; setxattr /f - x; setxattr /f x y; setxattr /f user. y; setxattr /f user.*250 y; setxattr /f *255 y; setxattr /f *256 y; getxattr /f -; getxattr /f *256; removexattr /f -; removexattr /f *256; setxattr /f odd.x y; getxattr /f odd.x; listxattr /f
)"},
    {"ValuesOfAttributes", "", R"(
mknod /f 0100644; setxattr /f user.empty -; getxattr /f user.empty; getxattr /f user.empty 0; setxattr /f user.big *4000; getxattr /f user.big; getxattr /f user.big 3999; getxattr /f user.big 4000; setxattr /f user.large *65536; setxattr /f user.huge *65537; getxattr /f user.large 70000; listxattr /f
)"},
    {"ReplacingAttributes", "", R"(
mknod /f 0100644; setxattr /f user.x one xreplace; setxattr /f user.x one xcreate; setxattr /f user.x two xcreate; setxattr /f user.x two xreplace; getxattr /f user.x; setxattr /f user.x three; setxattr /f user.x four xcreate,xreplace; getxattr /f user.x; removexattr /f user.x; getxattr /f user.x
)"},
    {"ListsOfAttributes", "", R"(
mknod /f 0100644; listxattr /f; listxattr /f 0; listxattr /f 1; times 20 setxattr /f user.n# x; listxattr /f 0; listxattr /f 10; listxattr /f 150; listxattr /f 1000; listxattr /f 100000; removexattr /f user.n5; listxattr /f; mkdir /d 0755; listxattr /d; listxattr /none
)"},
    {"AttributesOfLinks", "", R"(
mknod /f 0100644; symlink f /l; symlink none /m; setxattr /l user.x y; getxattr /f user.x; lgetxattr /l user.x; lsetxattr /l user.x y; lsetxattr /l trusted.x y; lgetxattr /l trusted.x; llistxattr /l; lremovexattr /l user.x; lremovexattr /l trusted.x; getxattr /m user.x; setxattr /m user.x y; listxattr /m; lsetxattr /f user.z y; llistxattr /f
)"},
    {"AttributesByDescriptor", "", R"(
open f /a rw,creat 0644; fsetxattr f user.x y; fgetxattr f user.x; flistxattr f; fsetxattr f user.x z xcreate; fremovexattr f user.x; fgetxattr f user.x; close f; open f /a r; fsetxattr f user.r y; unlink /a; fgetxattr f user.r; flistxattr f; close f; open d / r,dir; fsetxattr d user.d y; fgetxattr d user.d; close d
)"},
    {"AttributesOfOtherKinds", "", R"(
mknod /p 0010644; mknod /s 0140644; mknod /c 0020644 0x103; mkdir /d 0755; setxattr /p user.x y; getxattr /p user.x; removexattr /p user.x; setxattr /p trusted.x y; getxattr /p trusted.x; setxattr /c user.x y; setxattr /s security.x y; setxattr /d user.x y; getxattr /d user.x; listxattr /p; listxattr /s
)"},
    {"AttributesOfNamespaces", "", R"(
mknod /f 0100644; setxattr /f trusted.x y; setxattr /f security.x y; setxattr /f system.x y; getxattr /f trusted.x; getxattr /f security.x; getxattr /f system.x; listxattr /f; as 1000 1000; getxattr /f trusted.x; setxattr /f trusted.x y; removexattr /f trusted.x; getxattr /f security.x; setxattr /f security.x y; listxattr /f
)"},
    {"AttributesFail", "[fail:setxattr=ENOSPC,getxattr=EIO,listxattr=E2BIG,removexattr=EPERM]", R"(
mknod /f 0100644; setxattr /f user.x y; getxattr /f user.x; getxattr /f user.x 0; listxattr /f; listxattr /f 0; removexattr /f user.x; open f /f w; write f x; write f y; close f; chown /f 1 1
)"},
    {"CapabilitiesAreRemovedByWriting", "", R"(
open f /a rw,creat 0644; fsetxattr f security.capability %cap; fgetxattr f security.capability; write f x; fgetxattr f security.capability; write f y; fsetxattr f security.capability %cap; write f z; fgetxattr f security.capability; close f
)"},
    {"CapabilitiesAreRemovedByTheKernel", "[refuse:killpriv_v2]", R"(
open f /a rw,creat 0644; fsetxattr f security.capability %cap; write f x; fgetxattr f security.capability; fsetxattr f security.capability %cap; ftruncate f 0; fgetxattr f security.capability; fsetxattr f security.capability %cap; fchown f 1 1; fgetxattr f security.capability; fsetxattr f security.capability %cap; fallocate f - 0 10; close f
)"},
    {"AccessListsWithoutTheirFlag", "", R"(
mknod /f 0100644; getxattr /f system.posix_acl_access; setxattr /f system.posix_acl_access x; setxattr /f system.posix_acl_access -; removexattr /f system.posix_acl_access; getxattr /f system.posix_acl_default; listxattr /f
)"},
};

}  // namespace

std::span<const Script> scripts_on_xattrs() {
  return kScripts;
}

}  // namespace fusereplay::testing
