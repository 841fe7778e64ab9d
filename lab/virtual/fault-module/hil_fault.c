// SPDX-License-Identifier: MIT
/*
 * A driver that fails on request, so that a lab can show that it sees real failures of a real kernel.
 *
 *   echo null > /proc/hil_fault        what else can be asked for is in the table below
 *   echo hung 8 > /proc/hil_fault      seconds, where it takes time
 */
#include <linux/bug.h>
#include <linux/devcoredump.h>
#include <linux/firmware.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#define MISSING_FIRMWARE "hil/hil_fault.bin"

static struct platform_device *device;

struct station {
	struct station *next;
	u32 aid;
};

/* Never inlined: their names are what a report must show. */
static noinline int hil_null(unsigned int seconds)
{
	struct station *volatile none = NULL;

	return READ_ONCE(none->aid);
}

static noinline int hil_null_elsewhere(unsigned int seconds)
{
	struct station *volatile none = NULL;

	return READ_ONCE(none->next) == NULL;
}

static noinline int hil_bug(unsigned int seconds)
{
	BUG();
	return 0;
}

static noinline int hil_warn(unsigned int seconds)
{
	WARN(1, "hil_fault: asked to warn\n");
	return 0;
}

static noinline int hil_soft_lockup(unsigned int seconds)
{
	unsigned long end = jiffies + seconds * HZ;

	preempt_disable();
	while (time_before(jiffies, end))
		cpu_relax();
	preempt_enable();
	return 0;
}

/* Nothing runs any more, not even the timer: only a watchdog or a hand on the power ends it. */
static noinline int hil_hang(unsigned int seconds)
{
	local_irq_disable();
	pr_warn("hil_fault: interrupts are off\n");
	for (;;)
		cpu_relax();
	return 0;
}

static noinline int hil_hung_task(unsigned int seconds)
{
	schedule_timeout_uninterruptible(seconds * HZ);
	return 0;
}

static noinline int hil_panic(unsigned int seconds)
{
	panic("hil_fault: asked to panic");
	return 0;
}

static noinline int hil_firmware(unsigned int seconds)
{
	const struct firmware *firmware;
	int error = request_firmware(&firmware, MISSING_FIRMWARE, &device->dev);

	if (!error) {
		release_firmware(firmware);
		return 0;
	}
	dev_err(&device->dev, "firmware %s could not be loaded: %d\n", MISSING_FIRMWARE, error);
	return error;
}

static noinline int hil_coredump(unsigned int seconds)
{
	static const char words[] = "hil_fault: state of the firmware\n";
	char *dump = vmalloc(sizeof(words));

	if (!dump)
		return -ENOMEM;
	memcpy(dump, words, sizeof(words));
	dev_coredumpv(&device->dev, dump, sizeof(words) - 1, GFP_KERNEL);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(unsigned int seconds);
} faults[] = {
	{ "null", hil_null },
	{ "null-elsewhere", hil_null_elsewhere },
	{ "bug", hil_bug },
	{ "warn", hil_warn },
	{ "softlockup", hil_soft_lockup },
	{ "hang", hil_hang },
	{ "hung", hil_hung_task },
	{ "panic", hil_panic },
	{ "firmware", hil_firmware },
	{ "coredump", hil_coredump },
};

static ssize_t hil_fault_write(struct file *file, const char __user *from, size_t count, loff_t *at)
{
	unsigned int seconds = 10;
	char text[64], name[32];
	int i, error;

	if (count >= sizeof(text) || copy_from_user(text, from, count))
		return -EINVAL;
	text[count] = '\0';
	if (sscanf(text, "%31s %u", name, &seconds) < 1)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (strcmp(name, faults[i].name))
			continue;
		error = faults[i].run(seconds);
		return error < 0 ? error : count;
	}
	return -EINVAL;
}

static const struct proc_ops hil_fault_ops = { .proc_write = hil_fault_write };

static int __init hil_fault_init(void)
{
	device = platform_device_register_simple("hil_fault", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(device))
		return PTR_ERR(device);
	if (!proc_create("hil_fault", 0200, NULL, &hil_fault_ops)) {
		platform_device_unregister(device);
		return -ENOMEM;
	}
	return 0;
}

static void __exit hil_fault_exit(void)
{
	remove_proc_entry("hil_fault", NULL);
	platform_device_unregister(device);
}

module_init(hil_fault_init);
module_exit(hil_fault_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Fails on request");
