#!/bin/sh
# systemd-boot.sh TREE WORK, run as process 1 of new pid, mount, uts, ipc, net and cgroup namespaces: makes the tree what they
# see, with an empty tmpfs on WORK over it that takes all that is written, and becomes the tree's systemd. It all ends when
# standard input does.
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$2"
cd "$2"
mkdir upper work root
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay root

mount -t proc proc root/proc
mount -o bind root/proc/sys root/proc/sys
mount -o remount,bind,ro root/proc/sys
mount -t sysfs -o ro sysfs root/sys
mount -t cgroup2 cgroup2 root/sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs root/run
mount -t tmpfs -o mode=1777 tmpfs root/tmp
mount -t tmpfs -o mode=755 tmpfs root/dev
for device in null zero full random urandom tty; do
	: >root/dev/$device
	mount -o bind /dev/$device root/dev/$device
done
mkdir root/dev/pts root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd

hostname eppmux-test
ip link set lo up
cd root
mkdir -p .old
pivot_root . .old
cd /
umount -l .old
rmdir .old
mount --make-rshared / # in what it takes for a container systemd leaves that to others, and mounts credentials by it
exec 3<&0 # what runs in the background has no standard input
(
	cat <&3 >/dev/null
	exec reboot --force --force # ends process 1 of a pid namespace, and nothing else
) &
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=eppmux-test /lib/systemd/systemd systemd.unit=multi-user.target </dev/null 3<&-
